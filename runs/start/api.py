"""Starting runs over JSON, and the list under the same address."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Agent
from controlplane.domain.errors import InvalidInput
from controlplane.listing.declaration.filters import is_id
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, body, shown
from controlplane.projects.requests.idempotency import idempotent
from runs import actions
from runs import serializers as shapes
from runs.api import detail_of
from runs.list.api import RunListEndpoint
from workflows.models import Workflow


def row_named(rows: Any, wanted: Any, field: str) -> Any:
    """The row that `wanted` (id or name) means. Raises InvalidInput naming the field."""
    text = str(wanted)
    found = rows.one_or_none(pk=int(text)) if is_id(text) else None
    found = found or rows.filter(name=text.replace("\x00", "")).order_by("pk").first()
    if found is None:
        raise InvalidInput.field(field, f"There is no {field} “{text}” in this project.", "unknown")
    return found


class Runs(RunListEndpoint):
    """`GET /runs` lists, `POST /runs` starts."""

    @extend_schema(
        request=shapes.NewRun,
        responses={201: PolymorphicProxySerializer("Started", [shapes.RunDetail, shapes.StartedRuns], None)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Start a run of the workflow's released version; with a list of `inputs` one for each of them, or none."""
        sent = body(shapes.NewRun, request)
        workflow = self.workflow(sent)
        start: Any = actions.start_runs if isinstance(sent["inputs"], list) else actions.start_run
        started = start(
            workflow,
            inputs=sent["inputs"],
            environment=sent["environment"],
            trigger=sent["trigger"],
            agent=agent_of(workflow.project, sent.get("agent")),
            tags=sent["tags"],
            by=self.actor(workflow),
        )
        if isinstance(started, list):
            return Response({"results": [{"id": run.pk, "status": run.state} for run in started]}, status=201)
        return Response(shown(shapes.RunDetail, started), status=201)

    def project(self, given: Any = None) -> Project:
        """Without one, a workflow that is named by its id says which: here as for an Idempotency-Key."""
        wanted = str(self.request.data.get("workflow")) if isinstance(self.request.data, dict) else ""
        if given in (None, "") and is_id(wanted):
            found = Workflow.objects.visible_to(self.access).select_related("project").one_or_none(pk=int(wanted))
            if found is not None:
                return found.project
        return super().project(given)

    def workflow(self, sent: dict[str, Any]) -> Workflow:
        if sent.get("project") or not is_id(sent["workflow"]):
            rows = self.project(sent.get("project")).workflows.all()
        else:
            rows = Workflow.objects.visible_to(self.access).select_related("project")
        rows = rows.select_related("current").defer("current__text", "current__document")
        return row_named(rows, sent["workflow"], "workflow")


def agent_of(project: Project, wanted: Any) -> Agent | None:
    if wanted in (None, ""):
        return None
    return row_named(Agent.objects.filter(project=project, enabled=True), wanted, "agent")


class WorkflowTest(Endpoint):
    serializer_class = shapes.RunDetail

    @extend_schema(request=shapes.TestRun, responses={201: shapes.RunDetail})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Run the draft of a workflow."""
        workflow = self.find(Workflow.objects.select_related("project", "current"), pk=pk)
        sent = body(shapes.TestRun, request)
        agent = agent_of(workflow.project, sent.pop("agent", None))
        run = actions.start_run(workflow, agent=agent, draft=True, by=self.actor(workflow), **sent)
        return Response(detail_of(run), status=201)

    def project(self, given: Any = None) -> Project:
        """The key of a test belongs to the workflow's project, which the body does not name."""
        return self.find(Workflow.objects.select_related("project"), pk=self.kwargs["pk"]).project
