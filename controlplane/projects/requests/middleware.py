"""What every request passes: the project of its URL, and an honest 503 while the database is away."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject
from redis.exceptions import RedisError

from controlplane.domain.database import DATABASE_AWAY
from controlplane.domain.errors import NotFound, ProblemError, Unavailable
from controlplane.later import Awaited, Later
from controlplane.projects.models import Project
from controlplane.projects.queries import preferences_of
from controlplane.projects.tenants.actors import Access
from controlplane.ui import errors
from controlplane.ui.errors import in_words, problem_response
from controlplane.ui.htmx import lead_whole_page
from controlplane.ui.signed_out import to_sign_in

logger = logging.getLogger(__name__)
# Read by scripts, so it holds nothing that opens anything.
PERSON = "person"
OF_A_PROJECT = re.compile(r"/p/([-\w]+)/")


class ProblemMiddleware:
    """Turn a refusal into its page or problem JSON, and a lost database into 503 with Retry-After."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # No browser sets one with a NUL, and PostgreSQL takes none: not as a session's key, not as a slug.
        request.COOKIES = {name: text for name, text in request.COOKIES.items() if "\x00" not in text}
        try:
            return self.get_response(request)
        except (*DATABASE_AWAY, RedisError) as error:
            answer = self.process_exception(request, error)
            if answer is None:
                raise
            return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Awaited):
            try:
                return Later(error.begin(), request)
            except (ProblemError, *DATABASE_AWAY) as refusal:
                error = refusal
        if isinstance(error, DATABASE_AWAY):
            error = errors.unavailable(error)
        if isinstance(error, RedisError):
            logger.warning("Valkey does not answer", extra={"action": "valkey_away"})
            error = Unavailable("The broker does not answer. Try again in a moment.")
        return problem_response(request, error) if isinstance(error, ProblemError) else None


class ProjectMiddleware:
    """Set `request.access`, and on pages under /p/<slug>/ `request.project` and `request.member` (an Actor).

    Those pages show times in the person's zone or else the project's; the landing page leads to the project seen last.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        user = request.user
        request.access = SimpleLazyObject(lambda: Access.of_user(user))
        with timezone.override(None):
            response = in_words(request, self.get_response(request))
        self.tell_who(request, response)
        self.keep_private(request, response)
        return self.remember(request, lead_whole_page(request, response))

    def keep_private(self, request: HttpRequest, response: HttpResponse) -> None:
        """Neither a shared cache nor the Back button after signing out shows what was on a person's page."""
        if not response.get("Content-Type", "").startswith("text/html"):
            return
        # Who asks is not looked up for a fault: the database may be what is away.
        if response.status_code >= 500 or request.user.is_authenticated:
            patch_cache_control(response, private=True, no_store=True)

    def tell_who(self, request: HttpRequest, response: HttpResponse) -> None:
        """Scripts of pages that are open in other tabs learn who is signed in now; who signed out, that nobody is."""
        if response.status_code >= 500 or not response.get("Content-Type", "").startswith("text/html"):
            return
        told = request.COOKIES.get(PERSON)
        name = quote(request.user.get_username()) if request.user.is_authenticated else ""
        if name and told != name:
            response.set_cookie(PERSON, name, samesite="Lax", secure=settings.BEHIND_TLS)
        elif told and not name and getattr(request, "has_signed_out", False):
            response.delete_cookie(PERSON, samesite="Lax")

    def remember(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        project = getattr(request, "project", None)
        if project is not None and request.COOKIES.get("project") != project.slug:
            response.set_cookie("project", project.slug, samesite="Lax", httponly=True, secure=settings.BEHIND_TLS)
        return response

    def show_own_time(self, request: HttpRequest) -> None:
        """On the pages of one's account."""
        if request.path.startswith("/account") and request.user.is_authenticated:
            timezone.activate(preferences_of(request.user).time_zone or settings.TIME_ZONE)

    def process_view(self, request: HttpRequest, view, args, kwargs) -> HttpResponse | None:
        slug = kwargs.pop("project", None) if request.path.startswith("/p/") else None
        if slug is None:
            self.show_own_time(request)
            return None
        if not request.user.is_authenticated:
            return to_sign_in(request)
        if not enter(request, slug):
            return problem_response(request, NotFound("There is no such project, or you are not a member of it."))
        return None


def enter(request: Any, slug: str) -> bool:
    """Set `project` and `member` if this person is a member of that project."""
    request.project = Project.objects.visible_to(request.access).with_zone_of(request.user).one_or_none(slug=slug)
    if request.project is None:
        return False
    request.member = request.access.actor_in(request.project.pk)
    timezone.activate(request.project.shown_zone)
    return True


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404: an address that no route knows still stands in the project that it names."""
    named = OF_A_PROJECT.match(request.path)
    if named and hasattr(request, "access") and not hasattr(request, "project") and request.user.is_authenticated:
        enter(request, named[1])
    return errors.page_not_found(request, exception)
