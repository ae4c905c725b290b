"""The JSON API's table of contents, and how its errors read (RFC 9457)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions
from rest_framework.response import Response

from controlplane.domain.errors import FieldError, InvalidInput, NotAllowed, NotFound, ProblemError

CODES = {401: "not_authenticated", 405: "method_not_allowed", 415: "unsupported_media_type", 429: "throttled"}


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
            return InvalidInput(errors=django_errors(error))
        case exceptions.ValidationError():
            return InvalidInput(errors=list(drf_errors(error.detail)))
        case exceptions.APIException():
            problem = ProblemError(str(error.detail), code=CODES.get(error.status_code, error.default_code))
            problem.status, problem.title = error.status_code, str(error.default_detail)
            return problem
    return None


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


endpoints = [
    path("", include("controlplane.projects.api_urls")),
    path("", include("controlplane.events.api_urls")),
    path("", include("controlplane.home.api_urls")),
    path("", include("agents.api_urls")),
    path("", include("workflows.api_urls")),
    path("", include("runs.api_urls")),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
]

urlpatterns = [
    path("v1/", include((endpoints, "api"))),
    path("docs", login_required(SpectacularSwaggerSplitView.as_view(url_name="api:schema")), name="api_docs"),
    re_path(r"^.*$", unknown_endpoint),
]
