"""Exports over JSON: an operation makes the file."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import InvalidInput
from controlplane.listing.bulk.api import query_of
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.declaration.registry import find_listing, list_names
from controlplane.listing.export.files import file_response, find_export
from controlplane.listing.export.formats import FORMATS
from controlplane.listing.export.work import order_export
from controlplane.listing.reading.request import Reading
from controlplane.operations.models import Operation
from controlplane.operations.serializers import RefusedOperationSerializer
from controlplane.projects.requests.endpoints import Choice, Endpoint, StrictSerializer, body, shown
from controlplane.projects.requests.idempotency import idempotent


class ExportBody(StrictSerializer):
    """`filter` takes the parameters of the list; all columns without `columns`."""

    project = serializers.CharField(required=False, help_text="Id or slug; needed when you have several.")
    list = serializers.CharField(max_length=63, help_text="`runs`, `workflows`, `agents`, …")
    format = Choice(choices=[*FORMATS])
    filter = serializers.DictField(required=False, default=dict)
    columns = serializers.ListField(child=serializers.CharField(max_length=63), required=False)


class Exports(Endpoint):
    serializer_class = RefusedOperationSerializer

    @extend_schema(request=ExportBody, responses={202: RefusedOperationSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Have a file made of every row that matches. Ask for the operation until it succeeded, then for its file."""
        sent = body(ExportBody, request)
        project = self.project(sent.get("project"))
        listing = known_listing(sent["list"])
        reading = Reading(listing, query_of(sent["filter"]), who=self.actor(project), project=project)
        reading.refuse_unknown()
        columns = columns_of(listing, sent.get("columns"))
        operation = order_export(reading, sent["format"], columns, project=project, by=self.actor(project))
        return Response(shown(RefusedOperationSerializer, operation), status=202)


class ExportFile(Endpoint):
    serializer_class = RefusedOperationSerializer

    @extend_schema(responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The file of an export, once its operation has succeeded; the operation's `manifest` says what is in it."""
        return file_response(find_export(Operation.objects.visible_to(self.access), pk))


def known_listing(name: str) -> Listing:
    """Raises InvalidInput."""
    if name not in list_names():
        raise InvalidInput.field("list", f"Choose one of {', '.join(list_names())}.", "choice")
    return find_listing(name)


def columns_of(listing: Listing, wanted: list[str] | None) -> list[Column]:
    """In their declared order. Raises InvalidInput for unknown ones."""
    there = {column.name: column for column in listing.columns if column.source is not None}
    unknown = [name for name in wanted or () if name not in there]
    if unknown:
        raise InvalidInput.field(
            "columns", f"There is no column {unknown[0]}. There are {', '.join(there)}.", "unknown"
        )
    return [column for name, column in there.items() if not wanted or name in wanted]
