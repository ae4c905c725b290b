"""Operations over JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.operations import actions
from controlplane.operations import serializers as shapes
from controlplane.operations.carrying.work import work
from controlplane.operations.models import Operation
from controlplane.operations.views import csv_of
from controlplane.projects.requests.endpoints import PAGING, Endpoint, shown


class OperationEndpoint(Endpoint):
    """The base of everything below /operations/ID."""

    serializer_class: type[serializers.Serializer] = shapes.RefusedOperationSerializer

    def operation(self, pk: int) -> Operation:
        return self.find(Operation.objects.started().select_related("project", "undone_by"), pk=pk)

    def answer(self, operation: Operation) -> Response:
        return Response(
            shown(shapes.RefusedOperationSerializer, self.operation(operation.pk)),
            status=202 if operation.is_live else 200,
        )


class Operations(Endpoint):
    serializer_class = shapes.OperationSerializer
    parameters = ("project", *PAGING)

    @extend_schema(responses=shapes.OperationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The operations of a project, the oldest first; they are kept for thirty days."""
        project = self.project(request.query_params.get("project"))
        operations = Operation.objects.visible_to(self.access).filter(project=project).started()
        operations = operations.select_related("project", "undone_by")
        return self.page(operations, shapes.OperationSerializer)


class OneOperation(OperationEndpoint):
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, and why rows were refused."""
        return Response(shown(shapes.RefusedOperationSerializer, self.operation(pk)))


class Rows(OperationEndpoint):
    serializer_class: type[serializers.Serializer] = shapes.OperationRowSerializer
    parameters = PAGING

    @extend_schema(responses=shapes.OperationRowSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """What became of each row."""
        return self.page(self.operation(pk).rows.all(), shapes.OperationRowSerializer)


class RowsCsv(OperationEndpoint):
    @extend_schema(responses={(200, "text/csv"): str})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """What became of each row: `id,status,detail`."""
        return csv_of(self.operation(pk))


class Cancellation(OperationEndpoint):
    @extend_schema(request=None, responses=shapes.RefusedOperationSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Stop before the next row. What is done stays done."""
        operation = self.operation(pk)
        return self.answer(actions.cancel_operation(operation, by=self.actor(operation)))


class Undo(OperationEndpoint):
    @extend_schema(
        request=None, responses={200: shapes.RefusedOperationSerializer, 202: shapes.RefusedOperationSerializer}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Take back what the operation changed, for fifteen minutes after its end: an operation of its own."""
        operation = self.operation(pk)
        operation = actions.undo_operation(operation, by=self.actor(operation))
        if not actions.in_background(operation):
            work(operation.pk)
            operation.refresh_from_db()
        return self.answer(operation)


def moved(request: HttpRequest, rest: str | None = None) -> HttpResponsePermanentRedirect:
    """308 from where these endpoints were until they got this name; to be removed with the release after 0.1."""
    query = request.META["QUERY_STRING"]
    address = f"{reverse('api:operations')}{rest or ''}{f'?{query}' if query else ''}"
    return HttpResponsePermanentRedirect(address, preserve_request=True)
