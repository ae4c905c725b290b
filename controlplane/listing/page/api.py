"""Lists over JSON and CSV: the page's declaration, so the same filters and the same rows."""

from __future__ import annotations

from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.fields import Values
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.export.page import download
from controlplane.listing.reading.request import PAGE_SIZE, PAGE_SIZES, Reading
from controlplane.projects.requests.endpoints import Endpoint, shown


class ListEndpoint(Endpoint):
    """`GET` of a Listing: `{"results", "next", "previous"}`. Subclasses declare `listing` and `serializer_class`."""

    listing: Listing
    parameters: tuple[str, ...] = ("project",)

    def get(self, request: Request) -> HttpResponseBase:
        page = self.reading().page
        rows = [shown(self.get_serializer_class(), row) for row in page.rows]
        return Response({"results": rows, "next": self.address(page.next), "previous": self.address(page.previous)})

    def refuse_unknown(self) -> None:
        """Of a list, the reading knows the filters."""
        if self.request.method != "GET":
            super().refuse_unknown()

    def reading(self) -> Reading:
        """What the query string asks for. Raises InvalidInput naming every parameter that is wrong or unknown."""
        params = self.request.query_params
        # A view's name is one within its project.
        named = params.get("project") or params.get("view")
        project = self.project(params.get("project")) if named else None
        reading = Reading(self.listing, params, who=self.access, project=project)
        reading.refuse_unknown("format", *self.parameters)
        reading.filters.queryset = self.widen(reading.filters.queryset)
        return reading

    def widen(self, queryset: QuerySet) -> QuerySet:
        """For what the serializer shows beyond the columns of the page."""
        return queryset

    def get_queryset(self) -> QuerySet[Model]:
        """For the OpenAPI document, which asks without a caller."""
        return self.listing.filters._meta.model._default_manager.none()

    def described_parameters(self) -> list[OpenApiParameter]:
        filters = self.listing.filters.base_filters.items()
        orders = [order.name for order in self.listing.orders]
        return [
            *(OpenApiParameter(name, str, description=str(one.label or "")) for name, one in filters),
            OpenApiParameter("order", str, enum=orders, description="How to sort; a minus sign turns it round."),
            OpenApiParameter("project", str, description="Id or slug; all of yours without it."),
            OpenApiParameter("view", str, description="A saved view; what else is given goes on top of it."),
            *self.described_paging(),
        ]

    def described_paging(self) -> list[OpenApiParameter]:
        limit = f"Rows a page, at most {PAGE_SIZES[-1]}; {PAGE_SIZE} without it."
        cursor = "Where to go on: taken from `next` or `previous`."
        return [OpenApiParameter("limit", int, description=limit), OpenApiParameter("cursor", str, description=cursor)]


class CsvEndpoint(ListEndpoint):
    """`GET` of the same Listing as CSV: every row that matches, with all columns or those of `columns`."""

    parameters = ("project", "columns")

    def get(self, request: Request) -> HttpResponseBase:
        paging = [name for name in ("limit", "cursor") if name in request.query_params]
        if paging:
            raise InvalidInput.field(paging[0], "The CSV holds every row; narrow it with the filters.", "unknown")
        reading = self.reading()
        return download(reading, "csv", self.columns(reading))

    def columns(self, reading: Reading) -> list[Column]:
        """Those asked for, in their declared order; all without `columns`. Raises InvalidInput for unknown ones."""
        wanted = Values().value_from_datadict(reading.params, None, "columns")
        there = [column.name for column in self.listing.columns if column.source is not None]
        errors = [
            FieldError("columns", f"There is no column {name}. There are {', '.join(there)}.", "unknown")
            for name in wanted
            if name not in there
        ]
        if errors:
            raise InvalidInput(errors[0].message, errors=errors)
        return [column for column in self.listing.columns if column.name in (wanted or there)]

    def described_paging(self) -> list[OpenApiParameter]:
        names = ", ".join(column.name for column in self.listing.columns if column.source is not None)
        return [OpenApiParameter("columns", str, description=f"Some of {names}, separated by commas.")]
