"""What a run holds, over JSON: steps, logs, events, artifacts."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.events.queries import stream
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import PAGING, body, shown
from controlplane.projects.requests.idempotency import idempotent
from runs import actions
from runs import serializers as shapes
from runs.api import RunEndpoint
from runs.export.document import artifact_file
from runs.queries import LINES_PAGE, LogFilter, log_lines, steps_of

AFTER = OpenApiParameter("after", int, description="Only what comes after this number.")

LOG_PARAMETERS = [
    AFTER,
    OpenApiParameter("limit", int, description=f"Lines, at most {LINES_PAGE}."),
    OpenApiParameter("level", str, description="This level and above: debug, info, warning, error."),
    OpenApiParameter("search", str, description="Text that the line contains, in any case."),
    OpenApiParameter("step", int, description="The id of a step run."),
]


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
