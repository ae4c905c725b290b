"""The base of the JSON API: who calls, in which project, lists in pages, bodies without unknown fields."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import InvalidInput, NotFound
from controlplane.listing.declaration import Listing
from controlplane.listing.exports import csv_response
from controlplane.listing.filters import is_id
from controlplane.listing.parsing import StrictJSONParser
from controlplane.listing.reading import PAGE_SIZE, PAGE_SIZES, Reading
from controlplane.projects.actors import Access, Actor
from controlplane.projects.models import Project


class ProjectEndpoint(GenericAPIView):
    """An endpoint that knows its caller. Every answer carries the caller's rate limit."""

    parser_classes = (StrictJSONParser,)
    filter_backends = ()
    pagination_class = None

    @property
    def access(self) -> Access:
        return self.request._request.access

    def actor(self, subject: Any) -> Actor:
        """The caller as the `by` of an action on `subject` (a Project, or something that has a `project`)."""
        return self.access.actor_in(subject.project.pk)

    def find(self, queryset: QuerySet, **lookup: Any) -> Any:
        """The one row of `queryset` (which knows `visible_to`) that the caller may see. Raises NotFound."""
        return find_visible(queryset, self.access, **lookup)

    def project(self, given: Any = None) -> Project:
        """The project that `given` (id or slug) names; without it the caller's only one."""
        return find_project(self.access, given)

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        rate = getattr(request._request, "rate", None)
        for name, value in (rate or {}).items():
            response[f"RateLimit-{name.capitalize()}"] = str(value)
        return super().finalize_response(request, response, *args, **kwargs)


def find_visible(queryset: QuerySet, access: Access, **lookup: Any) -> Any:
    row = queryset.visible_to(access).filter(**lookup).first()
    if row is None:
        raise NotFound(f"There is no such {queryset.model._meta.verbose_name}.")
    return row


def find_project(access: Access, given: Any = None) -> Project:
    """Raises NotFound for one out of reach, InvalidInput when it must be said which one is meant."""
    reachable = Project.objects.visible_to(access)
    if given in (None, ""):
        some = list(reachable[:2])
        if len(some) == 1:
            return some[0]
        raise InvalidInput.field("project", "Say which project: its id or its slug.", "required")
    text = str(given)
    lookup = {"pk": int(text)} if is_id(text) else {"slug": text.replace("\x00", "")}
    project = reachable.filter(**lookup).first()
    if project is None:
        raise NotFound(f"There is no project “{text}”.")
    return project


class ListEndpoint(ProjectEndpoint):
    """`GET` of a Listing: `{"results", "next", "previous"}`. Subclasses declare `listing` and `serializer_class`."""

    listing: Listing
    # Query parameters that the endpoint itself understands.
    known: tuple[str, ...] = ()

    def get(self, request: Request) -> HttpResponseBase:
        page = self.reading().page
        serializer = self.get_serializer(page.rows, many=True)
        return Response(
            {"results": serializer.data, "next": self.address(page.next), "previous": self.address(page.previous)}
        )

    def reading(self) -> Reading:
        """What the query string asks for. Raises InvalidInput naming every parameter that is wrong or unknown."""
        params = self.request.query_params
        project = find_project(self.access, params["project"]) if params.get("project") else None
        reading = Reading(self.listing, params, who=self.access, project=project)
        reading.refuse_unknown("project", "format", *self.known)
        reading.filters.queryset = self.widen(reading.filters.queryset)
        return reading

    def widen(self, queryset: QuerySet) -> QuerySet:
        """For what the serializer shows beyond the columns of the page."""
        return queryset

    def address(self, cursor: str) -> str | None:
        if not cursor:
            return None
        params: QueryDict = self.request.query_params.copy()
        params["cursor"] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{params.urlencode()}")

    def get_queryset(self) -> QuerySet[Model]:
        """For the OpenAPI document, which asks without a caller."""
        return self.listing.filters._meta.model._default_manager.none()


class CsvEndpoint(ListEndpoint):
    """`GET` of the same Listing as CSV: every row that matches, with all columns or those of `columns`."""

    known = ("columns",)

    def get(self, request: Request) -> HttpResponseBase:
        reading = self.reading()
        columns = reading.columns if "columns" in self.request.query_params else self.listing.columns
        return csv_response(reading.ordered, columns, noun=self.listing.noun, project=reading.project)


class StrictSerializer(serializers.Serializer):
    """A body in which a misspelt field is an error and not a silent default."""

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown_fields(self, data)
        return super().to_internal_value(data)


class StrictModelSerializer(serializers.ModelSerializer):
    """The same for models. Read-only fields may come back as they were read; they are ignored."""

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown_fields(self, data)
        return super().to_internal_value(data)


def body(serializer_class: type[serializers.BaseSerializer], request: Request) -> Any:
    """What was sent, checked. Raises DRF's ValidationError, which names the fields."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def refuse_unknown_fields(serializer: serializers.BaseSerializer, data: Any) -> None:
    unknown = [name for name in data if name not in serializer.fields] if isinstance(data, dict) else []
    if unknown:
        raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."), code="unknown")


PAGE_PARAMETERS = [
    OpenApiParameter("limit", int, description=f"Rows a page, at most {PAGE_SIZES[-1]}; {PAGE_SIZE} without it."),
    OpenApiParameter("cursor", str, description="Where to go on: taken from `next` or `previous`."),
    OpenApiParameter("order", str, description="How to sort; a minus sign before the name turns it round."),
    OpenApiParameter("project", str, description="Id or slug; all of yours without it."),
]
