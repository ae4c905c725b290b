"""Runs over JSON: what the pages do, for scripts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Agent
from controlplane.domain.errors import InvalidInput, NotFound
from controlplane.events.queries import stream
from controlplane.listing.declaration.filters import is_id
from controlplane.listing.export.formats import FORMATS
from controlplane.listing.export.streaming import Stream
from controlplane.listing.page.api import ListEndpoint
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import PAGING, Endpoint, body, number, shown
from controlplane.projects.requests.idempotency import idempotent
from runs import actions
from runs import serializers as shapes
from runs.export.document import artifact_file, document_pieces, steps_file
from runs.list.listing import RUNS
from runs.models import Run, StepRun
from runs.queries import LINES_PAGE, LogFilter, log_lines, runs_of_agent, steps_of
from workflows.models import Workflow

AFTER = OpenApiParameter("after", int, description="Only what comes after this number.")
LOG_PARAMETERS = [
    AFTER,
    OpenApiParameter("limit", int, description=f"Lines, at most {LINES_PAGE}."),
    OpenApiParameter("level", str, description="This level and above: debug, info, warning, error."),
    OpenApiParameter("search", str, description="Text that the line contains, in any case."),
    OpenApiParameter("step", int, description="The id of a step run."),
]


def one_of(rows: Any, wanted: Any, field: str) -> Any:
    """The row that `wanted` (id or name) means. Raises InvalidInput naming the field."""
    text = str(wanted)
    found = rows.one_or_none(pk=int(text)) if is_id(text) else None
    found = found or rows.filter(name=text.replace("\x00", "")).order_by("pk").first()
    if found is None:
        raise InvalidInput.field(field, f"There is no {field} “{text}” in this project.", "unknown")
    return found


class RunListEndpoint(ListEndpoint):
    """`GET` lists runs: the page's declaration, so the same filters and the same rows."""

    listing = RUNS
    serializer_class = shapes.RunRow


class Runs(RunListEndpoint):
    """`GET /runs` lists, `POST /runs` starts."""

    @extend_schema(request=shapes.NewRun, responses={201: shapes.RunDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Start a run of the workflow's released version."""
        sent = body(shapes.NewRun, request)
        workflow = self.workflow(sent)
        run = actions.start_run(
            workflow,
            inputs=sent["inputs"],
            environment=sent["environment"],
            trigger=sent["trigger"],
            agent=agent_of(workflow.project, sent.get("agent")),
            tags=sent["tags"],
            by=self.actor(workflow),
        )
        return Response(shown(shapes.RunDetail, run), status=201)

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
        return one_of(rows, sent["workflow"], "workflow")


def agent_of(project: Project, wanted: Any) -> Agent | None:
    if wanted in (None, ""):
        return None
    return one_of(Agent.objects.filter(project=project, enabled=True), wanted, "agent")


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


class Steps(RunEndpoint):
    serializer_class = shapes.StepRow
    parameters = PAGING
    # Each may hold two times 256 KiB.
    most = 100

    @extend_schema(responses=shapes.StepRow(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """The step runs with their attempts, request and output, in the order in which they were made."""
        return self.page(steps_of(self.run(pk)).defer(None), shapes.StepRow)


class OneStep(RunEndpoint):
    serializer_class = shapes.StepRow

    @extend_schema(responses=shapes.StepRow)
    def get(self, request: Request, pk: int, step_pk: int) -> Response:
        """One step run with its attempts, request and output."""
        return Response(shown(shapes.StepRow, self.step(self.run(pk), step_pk)))


class StepReview(RunEndpoint):
    serializer_class = shapes.StepRow

    @extend_schema(request=shapes.Review, responses=shapes.StepRow)
    def post(self, request: Request, pk: int, step_pk: int) -> Response:
        """Decide a step whose outcome is unknown."""
        run = self.run(pk)
        step = self.step(run, step_pk)
        actions.resolve_step(step, by=self.actor(run), **body(shapes.Review, request))
        return Response(shown(shapes.StepRow, step))


class StepSignal(RunEndpoint):
    serializer_class = shapes.StepRow

    @extend_schema(request=shapes.Signal, responses=shapes.StepRow)
    @idempotent
    def post(self, request: Request, pk: int, step_pk: int) -> Response:
        """Send what a step waits for. 409 when it does not wait for a signal, or not any more."""
        run = self.run(pk)
        step = self.step(run, step_pk)
        actions.send_signal(step, by=self.actor(run), **body(shapes.Signal, request))
        return Response(shown(shapes.StepRow, step))

    def project(self, given: Any = None) -> Project:
        """The key of a signal belongs to the run's project, which the body does not name."""
        return self.run(self.kwargs["pk"]).project


class Logs(RunEndpoint):
    parameters = tuple(parameter.name for parameter in LOG_PARAMETERS)

    @extend_schema(parameters=LOG_PARAMETERS, responses=shapes.LogPage)
    def get(self, request: Request, pk: int) -> Response:
        """Log lines with n > after, oldest first: {"results": [{n, at, level, step, index, attempt, text}], "next"}."""
        run = self.run(pk)
        after, limit = self.number("after"), self.number("limit", LINES_PAGE, most=LINES_PAGE, least=1)
        query = request.query_params
        only = LogFilter(query.get("level", ""), query.get("search", ""), self.number("step") or None)
        lines = log_lines(run.pk, after=after, limit=limit, only=only)
        return Response({"results": lines, "next": lines[-1]["n"] if lines else after})


class Events(RunEndpoint):
    parameters = ("after",)

    @extend_schema(parameters=[AFTER], responses=shapes.EventPage)
    def get(self, request: Request, pk: int) -> Response:
        """The run's events with seq > after: the same frames, with the same coordinate, as /ws/runs/ID."""
        run = self.run(pk)
        after = self.number("after")
        frames = [event.as_frame() for event in stream("run", run.pk, after=after)]
        return Response({"results": frames, "next": frames[-1]["seq"] if frames else after})


class Artifacts(RunEndpoint):
    serializer_class = shapes.ArtifactRow
    parameters = PAGING

    @extend_schema(responses=shapes.ArtifactRow(many=True))
    def get(self, request: Request, pk: int) -> Response:
        return self.page(self.run(pk).artifacts.select_related("step"), shapes.ArtifactRow)


class OneArtifact(RunEndpoint):
    @extend_schema(responses={(200, "*/*"): bytes})
    def get(self, request: Request, pk: int, artifact_pk: int) -> FileResponse:
        """The file itself."""
        return artifact_file(self.run(pk), artifact_pk)


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


class RunsOfWorkflow(RunListEndpoint):
    """`GET /workflows/ID/runs`: the list of runs, of one workflow."""

    def widen(self, queryset: QuerySet) -> QuerySet:
        workflow = self.find(Workflow.objects.all(), pk=self.kwargs["pk"])
        return queryset.filter(workflow=workflow)

    def get(self, request: Request, pk: int = 0) -> Any:
        return super().get(request)


class RunsOfAgent(RunListEndpoint):
    """`GET /agents/ID/runs`: the list of runs, of those that the agent was chosen for or worked in."""

    def widen(self, queryset: QuerySet) -> QuerySet:
        agent = self.find(Agent.objects.all(), pk=self.kwargs["pk"])
        return queryset.filter(runs_of_agent(agent))

    def get(self, request: Request, pk: int = 0) -> Any:
        return super().get(request)
