"""Replays over JSON: what one would do, and doing it."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import InvalidInput
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import body, number, shown
from controlplane.projects.requests.idempotency import idempotent
from runs import actions
from runs import serializers as shapes
from runs.api import RunEndpoint
from runs.replay.domain import likely_start, prepare_replay

PARAMETERS = [
    OpenApiParameter("step", str, description="The key of the step to begin with; without it the first that failed."),
    OpenApiParameter("version", int, description="The number of a released version; without it the run's own."),
    OpenApiParameter("inputs", str, description="A JSON object; without it the run's own."),
]


class Replay(RunEndpoint):
    parameters = ("step", "version", "inputs")

    @extend_schema(parameters=PARAMETERS, responses=shapes.ReplayPreview)
    def get(self, request: Request, pk: int) -> Response:
        """What a replay would do with each step, and why. Nothing is started."""
        run, query = self.run(pk), request.query_params
        actions.replay_run.refuse_state(run)
        version = number(query.get("version"), "version", 0, 2**31 - 1) or None
        inputs = read_inputs(query["inputs"]) if query.get("inputs") else None
        step = query.get("step", "").replace("\x00", "") or likely_start(run)
        replay = prepare_replay(run, step=step, inputs=inputs, version=version)
        decisions = [{"key": one.key, "outcome": one.outcome, "reason": one.reason} for one in replay.decisions]
        number_shown = replay.version.number if replay.version else None
        return Response({"step": step, "version": number_shown, "inputs": replay.inputs, "steps": decisions})

    @extend_schema(parameters=[], request=shapes.ReplayOrder, responses={201: shapes.RunDetail})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """A new run from a step on; what succeeded before it and still holds is taken over."""
        run = self.run(pk)
        made = actions.replay_run(run, by=self.actor(run), **body(shapes.ReplayOrder, request))
        return Response(shown(shapes.RunDetail, made), status=201)

    def project(self, given: Any = None) -> Project:
        """The key of a replay belongs to the run's project, which the body does not name."""
        return self.run(self.kwargs["pk"]).project


def read_inputs(text: str) -> dict[str, Any]:
    """Raises InvalidInput unless `text` is one JSON object."""
    try:
        inputs = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field("inputs", f"This is not JSON: {str(error)[:200]}.", "syntax") from error
    if not isinstance(inputs, dict):
        raise InvalidInput.field("inputs", "The inputs are one JSON object.", "type")
    return inputs
