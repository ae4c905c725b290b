"""What endpoints below the list kit share: the caller, their projects, bodies without unknown fields, short pages."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.domain.errors import FieldError, InvalidInput, NotFound
from controlplane.projects.actors import Access, Actor
from controlplane.projects.models import Project

PAGE, MOST = 100, 1000


class Endpoint(APIView):
    """An endpoint that knows its caller. Every answer carries the caller's rate limit."""

    @property
    def access(self) -> Access:
        return self.request._request.access

    def actor_in(self, project: Project) -> Actor:
        """The caller as the `by` of an action in `project`."""
        return self.access.actor_in(project.pk)

    def refuse_unknown(self, *known: str) -> None:
        """Raises InvalidInput naming query parameters that this endpoint does not have."""
        wrong = [FieldError(name, "There is no such parameter.", "unknown") for name in self.request.query_params]
        wrong = [error for error in wrong if error.field not in (*known, "format")]
        if wrong:
            raise InvalidInput(f"There is no parameter “{wrong[0].field}” here.", errors=wrong)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        for name, value in (getattr(request._request, "rate", None) or {}).items():
            response[f"RateLimit-{name.capitalize()}"] = str(value)
        return super().finalize_response(request, response, *args, **kwargs)

    def page(self, rows: QuerySet, serializer: type[serializers.BaseSerializer]) -> Response:
        """`{"results", "next", "previous"}` by ascending id: `?cursor=ID` goes on after it, `?limit=` up to 1000."""
        params = self.request.query_params
        limit = number(params.get("limit"), "limit", PAGE, MOST)
        found = list(
            rows.filter(pk__gt=number(params.get("cursor"), "cursor", 0, 2**63 - 1)).order_by("pk")[: limit + 1]
        )
        results, more = found[:limit], len(found) > limit
        following = self.address(results[-1].pk) if more else None
        return Response({"results": serializer(results, many=True).data, "next": following, "previous": None})

    def address(self, cursor: int) -> str:
        params = self.request.query_params.copy()
        params["cursor"] = str(cursor)
        return self.request.build_absolute_uri(f"{self.request.path}?{params.urlencode()}")


class Body(serializers.Serializer):
    """A request body in which a misspelt field is an error."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            wrong = {name: ["There is no such field."] for name in data if name not in self.fields}
            if wrong:
                raise serializers.ValidationError(wrong, code="unknown")
        return super().to_internal_value(data)

    @classmethod
    def of(cls, request: Request, **options: Any) -> dict[str, Any]:
        """The validated body. Raises a ValidationError that names each field at fault."""
        body = cls(data=request.data, **options)
        body.is_valid(raise_exception=True)
        return body.validated_data


def number(text: str | None, field: str, default: int, most: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):
        raise InvalidInput.field(field, f"Give a whole number from 1 to {most}.")
    return int(text)


def find_project(access: Access, given: Any = None) -> Project:
    """The project that `given` (id or slug) names; without it the caller's only one.

    Raises NotFound for one out of reach, InvalidInput when it must be said which one is meant.
    """
    reachable = Project.objects.visible_to(access)
    if given in (None, ""):
        some = list(reachable[:2])
        if len(some) != 1:
            raise InvalidInput.field("project", "Say which project: its id or its slug.", "required")
        return some[0]
    text = str(given).replace("\x00", "")
    is_id = text.isascii() and text.isdecimal() and len(text) < 19
    project = reachable.filter(**({"pk": int(text)} if is_id else {"slug": text})).first()
    if project is None:
        raise NotFound(f"There is no project “{text}”.")
    return project
