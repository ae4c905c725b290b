from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controlplane.domain.errors import InvalidInput
from controlplane.ui.context import THEME_COOKIE, THEMES

ONE_YEAR_SECONDS = 365 * 24 * 3600


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """POST theme=light|dark|auto: remember it in a cookie and go back. Open to everybody."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        raise InvalidInput.field("theme", f"Choose one of {', '.join(THEMES)}.")
    back = request.headers.get("Referer", "/")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if allowed else "/")
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(THEME_COOKIE, theme, max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=secure)
    return response
