from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.domain.errors import InvalidInput
from controlplane.ui.context import THEMES, remember_theme
from controlplane.ui.returning import answers_get, came_from


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """POST theme=light|dark|auto: remember it in a cookie and go back. Open to everybody."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        raise InvalidInput.field("theme", f"Choose one of {', '.join(THEMES)}.")
    back = came_from(request)
    response = redirect(back if answers_get(back) else "/")
    remember_theme(response, theme)
    return response
