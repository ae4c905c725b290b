"""The activity of a project: who did what, newest first, live at the top."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.events.feed.wording import line_of
from controlplane.events.queries import latest_cursor, parse_cursor, recent
from controlplane.events.sharing.parts import live_part
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest

PAGE = 50


@require_safe
def activity(request: PortalRequest) -> HttpResponse:
    """The page; for HTMX the feed alone. `?before=CURSOR` shows what is older."""
    if is_partial(request):
        return live_part(request, "events/_feed.html", lambda: context_of(request))
    return render(request, "events/activity.html", context_of(request))


def context_of(request: PortalRequest) -> dict[str, Any]:
    given = request.GET.get("before", "")
    before = parse_cursor(given, "before") if given else None
    cursor = latest_cursor()
    events = recent([request.project.pk], before=before, limit=PAGE + 1)
    return {
        "lines": [line_of(event, request.project.slug) for event in events[:PAGE]],
        "older": str(events[PAGE - 1].cursor) if len(events) > PAGE else "",
        "is_live": before is None,
        "cursor": cursor,
    }
