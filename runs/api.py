"""Runs over JSON: what the pages do, for scripts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import NotFound
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, body, number, shown
from controlplane.projects.requests.idempotency import idempotent
from runs import actions
from runs import serializers as shapes
from runs.models import Run, StepRun


def detail_of(run: Run) -> dict[str, Any]:
    rows = Run.objects.select_related("project", "workflow", "version", "agent")
    return shown(shapes.RunDetail, rows.get(pk=run.pk))


class RunEndpoint(Endpoint):
    """The base of everything below /runs/ID."""

    serializer_class: type[serializers.BaseSerializer] = shapes.RunDetail

    def run(self, pk: int) -> Run:
        return self.find(Run.objects.select_related("project", "workflow", "version", "agent"), pk=pk)

    def step(self, run: Run, pk: int) -> StepRun:
        step = StepRun.objects.select_related("run__project").filter(run=run, pk=pk).first()
        if step is None:
            raise NotFound("There is no such step in this run.")
        return step

    def number(self, name: str, default: int = 0, *, most: int = 2**63 - 1, least: int = 0) -> int:
        return number(self.request.query_params.get(name), name, default, most, least)


class OneRun(RunEndpoint):
    def get(self, request: Request, pk: int) -> Response:
        return Response(shown(shapes.RunDetail, self.run(pk)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        run = self.run(pk)
        actions.delete_run(run, by=self.actor(run))
        return Response(status=204)


class Cancellation(RunEndpoint):
    @extend_schema(request=shapes.Reason, responses={202: shapes.RunDetail})
    def post(self, request: Request, pk: int) -> Response:
        """Ask the run to stop. 202: `stopping` until running steps have ended, or `cancelled` at once."""
        run = self.run(pk)
        actions.cancel_run(run, by=self.actor(run), **body(shapes.Reason, request))
        return Response(detail_of(run), status=202)


class Pause(RunEndpoint):
    @extend_schema(request=shapes.Reason, responses={202: shapes.RunDetail})
    def post(self, request: Request, pk: int) -> Response:
        """Let running steps end and start no others. 202: `paused` once nothing runs."""
        run = self.run(pk)
        actions.pause_run(run, by=self.actor(run), **body(shapes.Reason, request))
        return Response(detail_of(run), status=202)


class Resumption(RunEndpoint):
    @extend_schema(request=None, responses=shapes.RunDetail)
    def post(self, request: Request, pk: int) -> Response:
        run = self.run(pk)
        actions.resume_run(run, by=self.actor(run))
        return Response(detail_of(run))


class Retry(RunEndpoint):
    @extend_schema(request=None, responses={201: shapes.RunDetail})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """A new run with the same inputs and version."""
        run = self.run(pk)
        return Response(shown(shapes.RunDetail, actions.retry_run(run, by=self.actor(run))), status=201)

    def project(self, given: Any = None) -> Project:
        """The key of a retry belongs to the run's project, which the body does not name."""
        return self.run(self.kwargs["pk"]).project
