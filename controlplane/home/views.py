"""The first page of a project, and its parts, which refresh themselves."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from controlplane.domain.errors import NotFound
from controlplane.events.feed.wording import line_of
from controlplane.events.queries import latest_cursor
from controlplane.events.sharing.parts import live_part
from controlplane.home.demo.project import SLUG as DEMO
from controlplane.home.overview.domain import DEFAULT_WINDOW, OVERVIEW_WINDOWS, Overview
from controlplane.projects.models import Project
from controlplane.ui.request import PortalRequest
from runs.actions import retry_run
from runs.figures.range import WINDOWS, window_name
from workflows.models import Workflow

PARTS = {"tiles", "running", "failures", "charts", "queue", "activity"}


@require_GET
def overview(request: PortalRequest) -> HttpResponse:
    """What runs, what failed, how it went lately, what waits."""
    # The place to listen from comes before anything is read, so that no change falls between.
    context = {"cursor": latest_cursor(), **context_of(request)}
    return render(request, "home/overview.html", context)


@require_GET
def part(request: PortalRequest, name: str) -> HttpResponse:
    """One part of the page again, named as in PARTS."""
    if name not in PARTS:
        raise NotFound("There is no such part of the overview.")
    return live_part(request, f"home/_{name}.html", lambda: context_of(request))


def context_of(request: PortalRequest) -> dict[str, object]:
    window = window_name(request.GET.get("window", ""), OVERVIEW_WINDOWS, DEFAULT_WINDOW)
    page = Overview(request.project, window)
    slug = request.project.slug
    return {
        "page": page,
        "windows": [(name, WINDOWS[name].label, name == window) for name in OVERVIEW_WINDOWS],
        "retry_run": retry_run,
        "activity": lambda: [line_of(event, slug) for event in page.activity],
        "released": lambda: Workflow.objects.filter(project=request.project, current__isnull=False).exists(),
        "may_write": request.member.may("editor"),
        "demo_url": lambda: demo_url(request),
    }


def demo_url(request: PortalRequest) -> str:
    """The demo project, for those who may see it and are elsewhere."""
    others = Project.objects.visible_to(request.access).exclude(pk=request.project.pk)
    return reverse("home:overview", kwargs={"project": DEMO}) if others.filter(slug=DEMO).exists() else ""
