"""The overview's figures for scripts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.events.models import utc_text
from controlplane.home.overview import WINDOWS, Overview
from controlplane.home.views import window_name
from controlplane.projects.endpoints import Endpoint
from runs.models import Run, Worker
from runs.statistics import Progress, StepCount

PARAMETERS = [
    OpenApiParameter("project", str, description="Id or slug; needed by those who have more than one."),
    OpenApiParameter("window", str, enum=list(WINDOWS), description="How far back; 24h without it."),
]


class OverviewEndpoint(Endpoint):
    """`GET`: what runs, what failed, throughput by bucket, steps that are not done, workers."""

    parameters = ("project", "window")

    @extend_schema(parameters=PARAMETERS, responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        project = self.project(request.query_params.get("project"))
        return Response(figures(Overview(project, window_name(request.query_params.get("window", "")))))


def figures(page: Overview) -> dict[str, Any]:
    return {
        "project": page.project.slug,
        "window": page.window_name,
        "since": utc_text(page.since),
        "live": page.live,
        "ended": dict(page.totals),
        "success_rate": page.success_rate,
        "median_duration_ms": page.median_ms,
        "buckets": [bucket(start, page) for start in page.buckets],
        "steps": {state: step_count(found) for state, found in page.steps.items()},
        "running": [running(progress) for progress in page.running],
        "failed": [failure(run) for run in page.failures],
        "workers": [worker(one) for one in page.workers],
    }


def bucket(start: datetime, page: Overview) -> dict[str, Any]:
    """`start` is told by the project's clock."""
    began = start.replace(tzinfo=ZoneInfo(page.project.time_zone))
    return {"start": utc_text(began), **page.ended.get(start, {})}


def step_count(found: StepCount) -> dict[str, Any]:
    return {"count": found.count, "oldest": found.oldest and utc_text(found.oldest)}


def running(progress: Progress) -> dict[str, Any]:
    steps = {"steps_done": progress.done, "steps": progress.total, "current": progress.current}
    return {"id": progress.run.pk, "workflow": progress.run.workflow.name, "status": progress.run.state, **steps}


def failure(run: Run) -> dict[str, Any]:
    ended = {"status": run.state, "ended_at": utc_text(run.ended_at), "error": run.error}
    return {"id": run.pk, "workflow": run.workflow.name, **ended}


def worker(one: Worker) -> dict[str, Any]:
    use = {"busy": one.busy, "slots": one.slots, "queue": one.queue}
    return {"name": one.name, **use, "seen_at": utc_text(one.seen_at), "stale": one.is_stale}
