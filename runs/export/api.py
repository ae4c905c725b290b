"""A run and its steps as files."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from controlplane.listing.export.formats import FORMATS
from controlplane.listing.export.streaming import Stream
from runs import serializers as shapes
from runs.api import RunEndpoint
from runs.export.document import document_pieces, steps_file


class RunExport(RunEndpoint):
    """One run as a document."""

    @extend_schema(responses=shapes.RunDocument)
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """The run with all its steps, their attempts, requests and outputs, and the names of its artifacts."""
        response = StreamingHttpResponse(Stream(document_pieces(self.run(pk))), content_type="application/json")
        response["Content-Disposition"] = content_disposition_header(True, f"run-{pk}.json")
        return response


class StepsCsv(RunEndpoint):
    @extend_schema(responses={(200, "text/csv"): str})
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """A row for each step: when it ran, how it ended, what it cost. Requests and outputs stand in the export."""
        return steps_file(self.run(pk), "csv")


class StepsWorkbook(RunEndpoint):
    @extend_schema(responses={(200, FORMATS["xlsx"].content_type): bytes})
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """The same rows as a workbook, with times in the zone of the project."""
        return steps_file(self.run(pk), "xlsx")
