"""The overview's figures for scripts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.events.models import utc_text
from controlplane.home.overview.domain import DEFAULT_WINDOW, OVERVIEW_WINDOWS, Overview
from controlplane.projects.requests.endpoints import Endpoint
from runs.figures.live import Progress, StepCount
from runs.figures.range import window_name
from runs.figures.workflow import ends
from runs.models import Run, Worker

PARAMETERS = [
    OpenApiParameter("project", str, description="Id or slug; needed by those who have more than one."),
    OpenApiParameter("window", str, enum=list(OVERVIEW_WINDOWS), description="How far back; 24h without it."),
]


class OverviewEndpoint(Endpoint):
    """`GET`: what runs, what failed, throughput by bucket, steps that are not done, workers."""

    parameters = ("project", "window")

    @extend_schema(parameters=PARAMETERS, responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        project = self.project(request.query_params.get("project"))
        window = window_name(request.query_params.get("window", ""), OVERVIEW_WINDOWS, DEFAULT_WINDOW)
        return Response(figures(Overview(project, window)))


def figures(page: Overview) -> dict[str, Any]:
    return {
        "project": page.project.slug,
        "window": page.window_name,
        "since": utc_text(page.range.since),
        "live": page.live,
        "needs_attention": sum(page.attention.values()),
        "ended": page.ended.total.ended_json(),
        "success_rate": page.ended.total.success_rate,
        "median_duration_ms": page.median_ms,
        "buckets": [{**ends(bucket), **found.ended_json()} for bucket, found in page.ended.by_bucket],
        "steps": {state: step_count(found) for state, found in page.steps.items()},
        "running": [running(progress) for progress in page.running],
        "failed": [failure(run) for run in page.failures],
        "workers": [worker(one) for one in page.workers],
    }


def step_count(found: StepCount) -> dict[str, Any]:
    return {"count": found.count, "oldest": found.oldest and utc_text(found.oldest)}


def running(progress: Progress) -> dict[str, Any]:
    steps = {"steps_done": progress.done, "steps": progress.total, "current": progress.current}
    return {"id": progress.run.pk, "workflow": progress.run.workflow.name, "status": progress.run.state, **steps}


def failure(run: Run) -> dict[str, Any]:
    ended = {"status": run.state, "ended_at": run.ended_at and utc_text(run.ended_at), "error": run.error}
    return {"id": run.pk, "workflow": run.workflow.name, **ended}


def worker(one: Worker) -> dict[str, Any]:
    use = {"busy": one.busy, "slots": one.slots, "queue": one.queue}
    return {"name": one.name, **use, "seen_at": utc_text(one.seen_at), "stale": one.is_stale}
