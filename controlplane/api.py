"""The JSON API's table of contents, and how its errors read (RFC 9457)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions
from rest_framework.response import Response

from controlplane.domain.errors import FieldError, InvalidInput, Malformed, NotAllowed, NotFound, ProblemError
from controlplane.projects.requests.routes import endpoint

# What the framework refuses by itself, by its status.
TITLES = {one.status: (one.code, one.title) for one in (Malformed, NotFound)} | {
    401: ("not_authenticated", "You are not signed in"),
    403: ("not_allowed", "You may not do this"),
    405: ("method_not_allowed", "This endpoint does not have this method"),
    406: ("not_acceptable", "The answer cannot be given in this form"),
    415: ("unsupported_media_type", "Send JSON"),
    429: ("throttled", "Too many requests"),
}


def exception_handler(error: Exception, context: dict) -> Response | None:
    """Anything the API refuses, as application/problem+json. None (a real 500) only for bugs and a lost database."""
    problem = as_problem(error)
    if problem is None:
        return None
    response = Response(problem.as_problem(), status=problem.status, content_type="application/problem+json")
    for header in ("auth_header", "wait"):
        value = getattr(error, header, None)
        if value:
            response["WWW-Authenticate" if header == "auth_header" else "Retry-After"] = str(value)
    return response


def as_problem(error: Exception) -> ProblemError | None:
    match error:
        case ProblemError():
            return error
        case Http404():
            return NotFound()
        case PermissionDenied():
            return NotAllowed(str(error))
        case ValidationError():
            return invalid(django_errors(error))
        case exceptions.ValidationError():
            return invalid(list(drf_errors(error.detail)))
        case exceptions.APIException():
            code, title = TITLES.get(error.status_code, (error.default_code, "The request cannot be done"))
            problem = ProblemError(sentence(error.detail), code=code)
            problem.status, problem.title = error.status_code, title
            return problem
    return None


def invalid(errors: list[FieldError]) -> InvalidInput:
    """The first error is the sentence for those who read no further."""
    first = errors[0] if errors else None
    detail = "" if first is None else f"{first.field}: {first.message}" if first.field else first.message
    return InvalidInput(detail, errors=errors)


def sentence(detail) -> str:
    """Some exceptions bring a structure around their text."""
    return str(detail.get("detail", "")) if isinstance(detail, dict) else str(detail)


def django_errors(error: ValidationError) -> list[FieldError]:
    if not hasattr(error, "error_dict"):
        return [FieldError("", message) for message in error.messages]
    return [FieldError(name, message) for name, messages in error.message_dict.items() for message in messages]


def drf_errors(detail, path: str = ""):
    """Flatten DRF's nested detail into FieldErrors with dotted paths."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from drf_errors(inner, name if not path else f"{path}.{name}")
    elif isinstance(detail, list):
        for inner in detail:
            yield from drf_errors(inner, path)
    else:
        yield FieldError("" if path == "non_field_errors" else path, str(detail), getattr(detail, "code", "invalid"))


def unknown_endpoint(request, **kwargs) -> JsonResponse:
    problem = NotFound("There is no such endpoint. /api/docs lists them all.")
    return JsonResponse(problem.as_problem(), status=404, content_type="application/problem+json")


class Documentation(SpectacularSwaggerSplitView):
    """Every endpoint, to read and to try."""

    url_name = "api:schema"
    template_name = "api_docs.html"


endpoints: list[URLPattern | URLResolver] = [
    path("", include("controlplane.projects.api_urls")),
    path("", include("controlplane.events.api_urls")),
    path("", include("controlplane.operations.api_urls")),
    path("", include("controlplane.home.api_urls")),
    path("", include("controlplane.listing.api_urls")),
    path("", include("agents.api_urls")),
    path("", include("workflows.api_urls")),
    path("", include("runs.api_urls")),
    endpoint("schema", SpectacularAPIView.as_view(), "schema"),
]

urlpatterns = [
    path("v1/", include((endpoints, "api"))),
    endpoint("docs", login_required(Documentation.as_view()), "api_docs"),
    re_path(r"^.*$", unknown_endpoint),
]
