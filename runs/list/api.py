"""Lists of runs over JSON."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from agents.models import Agent
from controlplane.listing.page.api import ListEndpoint
from runs import serializers as shapes
from runs.list.listing import RUNS
from runs.queries import runs_of_agent
from workflows.models import Workflow


class RunListEndpoint(ListEndpoint):
    """`GET` lists runs: the page's declaration, so the same filters and the same rows."""

    listing = RUNS
    serializer_class = shapes.RunRow


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
