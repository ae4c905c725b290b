"""Tasks: runs that execute elsewhere report here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.listing.page.api import ListEndpoint
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, body, shown
from controlplane.projects.requests.idempotency import idempotent
from runs.engine.external import Report
from runs.external import actions as external
from runs.external import serializers as shapes
from runs.external.listing import TASKS
from runs.models import Run, Trigger
from runs.start.api import agent_of


class Tasks(ListEndpoint):
    listing = TASKS
    serializer_class = shapes.TaskRow

    @extend_schema(request=shapes.NewTask, responses={201: shapes.TaskDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Report a run that begins, waits or has ended elsewhere."""
        sent = body(shapes.NewTask, request)
        project = self.project(sent.pop("project", None))
        tags = [*sent.pop("tags"), *(f"run:{one}" for one in [sent.pop("run_id", None)] if one)]
        given = {name: sent.pop(name) for name in ("task", "inputs", "environment")}
        agent = agent_of(project, sent.pop("agent", None))
        report = report_of(sent)
        run = external.report_task(project, report=report, agent=agent, tags=tags, by=self.actor(project), **given)
        return Response(shown(shapes.TaskDetail, run), status=201)


class OneTask(Endpoint):
    serializer_class = shapes.TaskDetail

    def run(self, pk: int) -> Run:
        return self.find(
            Run.objects.select_related("project", "workflow", "agent").filter(trigger=Trigger.EXTERNAL), pk=pk
        )

    def get(self, request: Request, pk: int) -> Response:
        return Response(shown(shapes.TaskDetail, self.run(pk)))

    @extend_schema(request=shapes.TaskReport, responses=shapes.TaskDetail)
    @idempotent
    def patch(self, request: Request, pk: int) -> Response:
        """Report how it stands. 409 with the code `run_ended` when somebody cancelled it, or when it was lost."""
        run = self.run(pk)
        report = report_of(body(shapes.TaskReport, request))
        return Response(shown(shapes.TaskDetail, external.update_task(run, report=report, by=self.actor(run))))

    def project(self, given: Any = None) -> Project:
        """An Idempotency-Key below a task belongs to its project, which the body does not name."""
        return self.run(self.kwargs["pk"]).project


def report_of(sent: dict[str, Any]) -> Report:
    uri = sent.pop("outputs_uri", None)
    if uri is not None:
        sent["outputs"] = {**sent.get("outputs", {}), "uri": uri}
    return Report(**sent)
