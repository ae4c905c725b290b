"""How agents and tools were used, for scripts."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Agent, Tool
from controlplane.projects.endpoints import Endpoint
from runs.lists import RunListEndpoint
from runs.queries import runs_of_agent
from runs.usage import DEFAULT_SINCE, Range, Usage

RANGE = [
    OpenApiParameter("since", str, description=f"A time, a date or a time ago; {DEFAULT_SINCE} without it."),
    OpenApiParameter("until", str, description="Likewise; now without it."),
]


class UsageEndpoint(Endpoint):
    """`GET`: figures about the calls that ended in a range."""

    parameters = ("since", "until")
    model: Any

    @extend_schema(parameters=RANGE, responses={200: {"type": "object"}})
    def get(self, request: Request, pk: int) -> Response:
        """Calls, success rate, latency percentiles, tokens and cost, in all and by bucket, workflow and failure."""
        subject = self.find(self.model.objects.select_related("project"), pk=pk)
        asked = Range.of(request.query_params, ZoneInfo(subject.project.time_zone))
        return Response(Usage(subject, asked).as_json())


class MetricsOfAgent(UsageEndpoint):
    model = Agent


class UsageOfTool(UsageEndpoint):
    model = Tool


class RunsOfAgent(RunListEndpoint):
    """`GET /agents/ID/runs`: the list of runs, of those that the agent was chosen for or worked in."""

    def widen(self, queryset: QuerySet) -> QuerySet:
        agent = self.find(Agent.objects.all(), pk=self.kwargs["pk"])
        return queryset.filter(runs_of_agent(agent))

    def get(self, request: Request, pk: int = 0) -> Any:
        return super().get(request)
