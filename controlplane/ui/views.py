from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controlplane.domain.errors import InvalidInput
from controlplane.ui.context import THEMES, remember_theme


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """POST theme=light|dark|auto: remember it in a cookie and go back. Open to everybody."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        raise InvalidInput.field("theme", f"Choose one of {', '.join(THEMES)}.")
    back = request.headers.get("Referer", "/")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if allowed else "/")
    remember_theme(response, theme)
    return response
