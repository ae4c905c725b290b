"""Refusals and faults as the caller can use them: problem JSON for scripts, a toast for HTMX, a page for people."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader

from controlplane.domain.errors import InvalidInput, NotAllowed, NotFound, ProblemError
from controlplane.ui.htmx import is_partial, toast

RETRY_AFTER_SECONDS = 5
PAGES = {400, 403, 404, 429, 500, 503}


class ServerFault(ProblemError):
    """Something we did not foresee; the log has it under the request id."""

    status = 500
    code = "server_error"
    title = "Something went wrong on our side"


class TooManyRequests(ProblemError):
    status = 429
    code = "too_many_requests"
    title = "Too many tries in a short time"


def problem_response(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """`problem` with its status, in the form this request can show."""
    response: HttpResponse
    if wants_json(request):
        response = problem_json(problem)
    elif is_partial(request):
        response = toast(HttpResponse(status=problem.status), problem.detail, "danger")
    else:
        response = problem_page(request, problem)
    if problem.status in {429, 503}:
        response.setdefault("Retry-After", str(problem.extra.get("retry_after", RETRY_AFTER_SECONDS)))
    return response


def problem_json(problem: ProblemError) -> JsonResponse:
    return JsonResponse(problem.as_problem(), status=problem.status, content_type="application/problem+json")


def problem_page(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """A page that stands alone: it asks neither the session nor the database, which may be what failed."""
    name = str(problem.status) if problem.status in PAGES else "problem"
    context = {"problem": problem, "request_id": request_id(), "theme": request.COOKIES.get("theme", "auto")}
    html = loader.render_to_string(f"errors/{name}.html", context)
    return HttpResponse(html, status=problem.status)


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
    return problem_response(request, TooManyRequests("Wait a few minutes, then try again."))


def server_error(request: HttpRequest) -> HttpResponse:
    return problem_response(request, ServerFault("The log has the details under the request id."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: the form came from another site, or the page was open since before the last sign-in."""
    return problem_response(request, NotAllowed("This form is too old to be trusted. Reload the page and try again."))
