"""The base of every endpoint: who calls, in which project, no unknown parameters, no unknown fields, short pages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.generics import GenericAPIView
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import FieldError, InvalidInput, NotFound
from controlplane.projects.models import Project, ProjectScoped
from controlplane.projects.tenants.actors import Access, Actor

PAGE, MOST = 100, 1000
PAGING = ("limit", "cursor")


class Methods(SimpleMetadata):
    """The answer to OPTIONS. Which fields a method takes stands in the OpenAPI document, and only there."""

    def determine_actions(self, request: Any, view: Any) -> dict[str, Any]:
        return {}


class Endpoint(GenericAPIView):
    """An endpoint that knows its caller. Every answer carries the caller's rate limit.

    `parameters` are the query parameters it understands; any other is refused.
    """

    filter_backends = ()
    pagination_class = None
    metadata_class = Methods
    parameters: tuple[str, ...] = ()
    # Rows a page; fewer where a row can be large.
    most = MOST

    @property
    def access(self) -> Access:
        request: Any = self.request._request
        return request.access

    @property
    def person(self) -> User:
        """Whose session or token asks; nobody else comes as far as an endpoint."""
        return cast(User, self.request.user)

    def actor(self, subject: Any) -> Actor:
        """The caller as the `by` of an action on `subject`: a Project, or something that has a `project`."""
        return self.access.actor_in(subject.project.pk)

    def find(self, queryset: QuerySet, **lookup: Any) -> Any:
        """The one row of `queryset` (which knows `visible_to`) that the caller may see. Raises NotFound."""
        row = cast(ProjectScoped, queryset).visible_to(self.access).one_or_none(**lookup)
        if row is None:
            raise NotFound(f"There is no such {queryset.model._meta.verbose_name}.")
        return row

    def project(self, given: Any = None) -> Project:
        """The project that `given` (id or slug) names; without it the caller's only one."""
        return find_project(self.access, given)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if hasattr(self, (request.method or "").lower()):
            self.refuse_unknown()

    def refuse_unknown(self) -> None:
        """Raises InvalidInput naming query parameters that this endpoint does not have."""
        known = (*self.parameters, "format")
        unknown = [name for name in self.request.query_params if name not in known]
        if unknown:
            errors = [FieldError(name, "There is no such parameter.", "unknown") for name in unknown]
            raise InvalidInput(f"There is no parameter “{unknown[0]}” here.", errors=errors)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        for name, value in (getattr(request._request, "rate", None) or {}).items():
            response[f"RateLimit-{name.capitalize()}"] = str(value)
        return super().finalize_response(request, response, *args, **kwargs)

    def described_parameters(self) -> list[OpenApiParameter]:
        """For the OpenAPI document: query parameters of GET that no annotation names."""
        if "cursor" not in self.parameters:
            return []
        limit = f"Rows a page, at most {self.most:,}; {min(PAGE, self.most)} without it."
        cursor = "Where to go on: taken from `next`."
        return [OpenApiParameter("limit", int, description=limit), OpenApiParameter("cursor", str, description=cursor)]

    def page(self, rows: QuerySet, serializer: type[serializers.BaseSerializer]) -> Response:
        """`{"results", "next", "previous"}` by ascending id: `?cursor=ID` goes on after it, `?limit=` up to `most`."""
        params = self.request.query_params
        limit = number(params.get("limit"), "limit", min(PAGE, self.most), self.most)
        start = number(params.get("cursor"), "cursor", 0, 2**63 - 1)
        found = list(rows.filter(pk__gt=start).order_by("pk")[: limit + 1])
        results, more = found[:limit], len(found) > limit
        following = self.address(results[-1].pk) if more else None
        results = [shown(serializer, row) for row in results]
        return Response({"results": results, "next": following, "previous": None})

    def address(self, cursor: str | int) -> str | None:
        """This address from `cursor` on; None without one."""
        if not cursor:
            return None
        params = self.request.query_params.copy()
        params["cursor"] = str(cursor)
        return self.request.build_absolute_uri(f"{self.request.path}?{params.urlencode()}")


class Choice(serializers.ChoiceField):
    """One of a few words; the refusal names them."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(f"Choose one of {', '.join(self.choices)}.", code="choice")
        return data


class StrictSerializer(serializers.Serializer):
    """A body in which a misspelt field is an error and not a silent default. All that is wrong is said at once."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        if not unknown:
            return super().to_internal_value(data)
        request = None if self.parent else self.context.get("request")
        wrong: dict[str, Any] = {name: [against_field(name, request)] for name in unknown}
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong |= cast(dict[str, Any], error.detail)
        raise serializers.ValidationError(wrong)


def against_field(name: str, request: Request | None) -> ErrorDetail:
    """Why no body takes `name`: on a change of something, it may be one that is only shown."""
    if is_fixed(name, request):
        return ErrorDetail("This field cannot be changed.", "fixed")
    return ErrorDetail("There is no such field.", "unknown")


def is_fixed(name: str, request: Request | None) -> bool:
    """Whether the field is answered but cannot be changed, so that sending it is told apart from a typing error."""
    if request is None or request.method not in {"PUT", "PATCH"}:
        return False
    answer = getattr((request.parser_context or {}).get("view"), "serializer_class", None)
    return answer is not None and name in reader(answer).fields


def refuse_fixed(names: Iterable[str], request: Request) -> None:
    """Raises InvalidInput naming those of the fields that no change takes, for a view that checks a body itself."""
    fixed = [FieldError(name, str(against_field(name, request)), "fixed") for name in names if is_fixed(name, request)]
    if fixed:
        raise InvalidInput(f"{fixed[0].field}: {fixed[0].message}", errors=fixed)


def reader(serializer_class: Any) -> Any:
    """One instance for all reading: making its fields takes longer than using them."""
    return reader_of(serializer_class)


@cache
def reader_of(serializer_class: Any) -> Any:
    return serializer_class()


def shown(serializer_class: type[serializers.BaseSerializer], row: Any) -> Any:
    """`row` as the API shows it."""
    return reader(serializer_class).to_representation(row)


def body(serializer_class: type[serializers.BaseSerializer], request: Request) -> Any:
    """What was sent, checked. Raises DRF's ValidationError, which names the fields."""
    serializer = serializer_class(data=request.data, context={"request": request})
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def number(text: str | None, field: str, default: int, most: int, least: int = 1) -> int:
    """The whole number that a query parameter holds. Raises InvalidInput naming the field."""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise InvalidInput.field(field, f"Give a whole number from {least} to {most}.")
    return int(text)


def find_project(access: Access, given: Any = None) -> Project:
    """The project that `given` (id or slug) names; without it the caller's only one.

    Raises NotFound for one out of reach, InvalidInput when it must be said which one is meant.
    """
    own = access.project
    if own is not None and given in (None, "", own.slug, own.pk, str(own.pk)):
        return own
    reachable = Project.objects.visible_to(access)
    if given in (None, ""):
        some = list(reachable[:2])
        if len(some) != 1:
            raise InvalidInput.field("project", "Say which project: its id or its slug.", "required")
        return some[0]
    text = str(given).replace("\x00", "")
    is_id = text.isascii() and text.isdecimal() and len(text) < 19
    project = reachable.one_or_none(**({"pk": int(text)} if is_id else {"slug": text}))
    if project is None:
        raise NotFound(f"There is no project “{text}”.")
    return project
