"""Refusals and faults as the caller can use them: problem JSON for scripts, a toast for HTMX, a page for people."""

from __future__ import annotations

import logging
import sys

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader

from controlplane.domain.database import DATABASE_AWAY, is_away
from controlplane.domain.errors import InvalidInput, NotAllowed, NotFound, ProblemError, ServerFault, Unavailable
from controlplane.ui.htmx import is_partial, toast
from controlplane.ui.navigation import FRONT_PAGE, first_url
from controlplane.ui.returning import answers_get, came_from

RETRY_AFTER_SECONDS = 5
SIGN_IN_WINDOW_SECONDS = 300
PAGES = {400, 403, 404, 409, 429, 500, 503}
# The same request may well succeed a little later.
PASSING = {429, 500, 502, 503}

logger = logging.getLogger(__name__)


class TooManyRequests(ProblemError):
    status = 429
    code = "too_many_requests"
    title = "Too many tries in a short time"


class OnlyForForms(ProblemError):
    status = 405
    code = "method_not_allowed"
    title = "There is nothing to see at this address"


class StaleForm(ProblemError):
    status = 403
    code = "stale_form"
    title = "This form is too old"


def problem_response(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """`problem` with its status, in the form this request can show."""
    response: HttpResponse
    if wants_json(request):
        response = problem_json(problem)
    elif is_partial(request):
        retry = problem.status in PASSING
        response = toast(HttpResponse(status=problem.status), problem.detail, "danger", retry=retry)
    else:
        response = problem_page(request, problem)
    if problem.status in {429, 503}:
        response.setdefault("Retry-After", str(problem.extra.get("retry_after", RETRY_AFTER_SECONDS)))
    return response


def in_words(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """`response`; where an action was opened like a page, which Django leaves blank, a page that says so."""
    if response.status_code != 405 or response.content or wants_json(request):
        return response
    said = problem_response(request, OnlyForForms("It takes what a form sends. Go back to the page with the form."))
    said["Allow"] = response["Allow"]
    return said


def problem_json(problem: ProblemError) -> JsonResponse:
    return JsonResponse(problem.as_problem(), status=problem.status, content_type="application/problem+json")


def problem_page(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """A page with a way on: in a project with its sidebar, else, or when that cannot be drawn, alone."""
    name = str(problem.status) if problem.status in PAGES else "problem"
    context = {"problem": problem, "request_id": request_id(), "theme": request.COOKIES.get("theme", "auto")}
    context |= ways_on(request, problem)
    html = inside_the_project(request, name, context)
    if html is None:
        html = loader.render_to_string(f"errors/{name}.html", {**context, "layout": "errors/alone.html"})
    return HttpResponse(html, status=problem.status)


def inside_the_project(request: HttpRequest, name: str, context: dict[str, object]) -> str | None:
    """None outside of a project, and when the session or the database, which the sidebar asks, are what failed."""
    project = getattr(request, "project", None)
    if project is None or getattr(request, "member", None) is None or name == "503":
        return None
    home = first_url((FRONT_PAGE,), project.slug)
    try:
        context = {**context, "layout": "errors/inside.html", "home_url": home}
        return loader.render_to_string(f"errors/{name}.html", context, request)
    except Exception:
        logger.exception("The sidebar could not be drawn", extra={"action": "error_page_alone"})
        return None


def ways_on(request: HttpRequest, problem: ProblemError) -> dict[str, str]:
    """`again` asks the same once more, if that may help; `back` is the page of ours that led here; `home_url`."""
    again = request.get_full_path() if request.method == "GET" and problem.status in PASSING else ""
    back = came_from(request)
    is_way = back != request.get_full_path() and answers_get(back)
    return {"again": again, "back": back if is_way else "", "home_url": "/"}


def wants_json(request: HttpRequest) -> bool:
    if request.path.startswith(("/api/", "/health/")):
        return True
    return "json" in request.headers.get("Accept", "") and "html" not in request.headers.get("Accept", "")


def request_id() -> str:
    """The id under which this request stands in the log, or empty outside a request."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(request, InvalidInput("The server could not read this request."))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(request, NotAllowed("You may not open this page."))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(request, NotFound("There is no such page, or it is not yours to see."))


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """handler429, asked by allauth when a limit on signing in is reached."""
    problem = TooManyRequests("Wait a few minutes, then try again.", retry_after=SIGN_IN_WINDOW_SECONDS)
    return problem_response(request, problem)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Outside of views nothing else meets a database that is away."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_AWAY):
        return problem_response(request, unavailable(error))
    return problem_response(request, ServerFault("The log has the details under the request id."))


def unavailable(error: BaseException) -> Unavailable:
    """What to say of one of DATABASE_AWAY."""
    if is_away(error):
        logger.warning("The database does not answer", extra={"action": "database_away"})
        return Unavailable("The database does not answer. Try again in a moment.")
    logger.warning("The database refused a statement", exc_info=error, extra={"action": "statement_refused"})
    return Unavailable("The database was too busy with others to do this. Try again in a moment.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: the form came from another site, or the page was open since before the last sign-in."""
    return problem_response(request, StaleForm("It is too old to be trusted. Reload the page and try again."))
