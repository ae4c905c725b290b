"""Figures of workflows, agents and tools, for scripts: as JSON, and bucket by bucket as CSV."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Agent, Tool
from controlplane.projects.requests.endpoints import Endpoint
from runs.figures import export
from runs.figures.range import DEFAULT_SINCE, TESTS, Range, window_name, with_tests
from runs.figures.usage import Usage
from runs.figures.workflow import DEFAULT_WINDOW, WORKFLOW_WINDOWS, WorkflowFigures
from workflows.models import Workflow

TESTS_TOO = OpenApiParameter("tests", str, enum=[TESTS], description="With test runs; they are left out without it.")
RANGE = [
    OpenApiParameter("since", str, description=f"A time, a date or a time ago; {DEFAULT_SINCE} without it."),
    OpenApiParameter("until", str, description="Likewise; now without it."),
    TESTS_TOO,
]
WINDOW = [
    OpenApiParameter(
        "window", str, enum=list(WORKFLOW_WINDOWS), description=f"How far back; {DEFAULT_WINDOW} without it."
    ),
    TESTS_TOO,
]


class WorkflowEndpoint(Endpoint):
    parameters = ("window", "tests")

    def figures(self, pk: int) -> WorkflowFigures:
        asked = self.request.query_params
        workflow = self.find(Workflow.objects.select_related("project"), pk=pk)
        window = window_name(asked.get("window", ""), WORKFLOW_WINDOWS, DEFAULT_WINDOW)
        return WorkflowFigures(workflow, window, with_tests(asked))


class FiguresOfWorkflow(WorkflowEndpoint):
    @extend_schema(parameters=WINDOW, responses={200: {"type": "object"}})
    def get(self, request: Request, pk: int) -> Response:
        """Runs by how they ended, success rate, durations and cost, in all and by bucket, by when they ended."""
        return Response(self.figures(pk).as_json())


class FiguresOfWorkflowCsv(WorkflowEndpoint):
    @extend_schema(parameters=WINDOW, responses={(200, "text/csv"): str})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The buckets, a line each."""
        return export.csv_file(self.figures(pk).runs, export.of_runs, f"workflow-{pk}-figures")


class UsageEndpoint(Endpoint):
    """Figures about the calls that ended in a range."""

    parameters = ("since", "until", "tests")
    model: Any

    def usage(self, pk: int) -> Usage:
        asked = self.request.query_params
        subject = self.find(self.model.objects.select_related("project"), pk=pk)
        return Usage(subject, Range.of(asked, ZoneInfo(subject.project.time_zone)), with_tests(asked))


class UsageAsJson(UsageEndpoint):
    @extend_schema(parameters=RANGE, responses={200: {"type": "object"}})
    def get(self, request: Request, pk: int) -> Response:
        """Calls, success rate, latency percentiles, tokens and cost, in all and by bucket, workflow and failure."""
        return Response(self.usage(pk).as_json())


class UsageAsCsv(UsageEndpoint):
    @extend_schema(parameters=RANGE, responses={(200, "text/csv"): str})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The buckets, a line each."""
        usage = self.usage(pk)
        return export.csv_file(usage.calls, export.of_calls, f"{usage.kind}-{pk}-usage")


class MetricsOfAgent(UsageAsJson):
    model = Agent


class MetricsOfAgentCsv(UsageAsCsv):
    model = Agent


class UsageOfTool(UsageAsJson):
    model = Tool


class UsageOfToolCsv(UsageAsCsv):
    model = Tool
