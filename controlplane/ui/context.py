"""What the shell of every page needs: the theme, the navigation and the projects to switch to."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from controlplane.ui.navigation import sections_for
from controlplane.ui.request import PortalRequest

ONE_YEAR_SECONDS = 365 * 24 * 3600
THEMES = ("light", "dark", "auto")
THEME_COOKIE = "theme"
# The switcher is a menu, not a list page; who has more projects uses the start page.
SWITCHER_LIMIT = 50


def theme_of(request: PortalRequest) -> str:
    """The person's choice from the cookie: light, dark or auto (as the system says)."""
    chosen = request.COOKIES.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def remember_theme(response: HttpResponseBase, theme: str) -> None:
    """In the cookie of this browser."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(THEME_COOKIE, theme, max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=secure)


def shell(request: PortalRequest) -> dict[str, object]:
    """Context processor. Lazy, so that a partial that draws no shell pays nothing for it."""
    return {
        "theme": theme_of(request),
        "navigation": SimpleLazyObject(lambda: sections_for(request)),
        "switchable_projects": SimpleLazyObject(lambda: projects_of(request)),
    }


def projects_of(request: PortalRequest) -> list[object]:
    """Projects this person reaches. Asked through the current project's own class: this layer knows no models."""
    project = getattr(request, "project", None)
    if project is None:
        return []
    return list(type(project).objects.visible_to(request.access)[:SWITCHER_LIMIT])
