"""Runs beside each other over JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.diff import Change
from controlplane.projects.requests.endpoints import Endpoint
from runs.compare.domain import Cell, Comparison, InputLine, compare_runs
from runs.models import Run
from runs.serializers import RunRow


class ComparedValue(serializers.Serializer):
    run = serializers.IntegerField()
    present = serializers.BooleanField()
    value = serializers.JSONField(allow_null=True)


class ComparedInput(serializers.Serializer):
    path = serializers.CharField()
    values = ComparedValue(many=True)


class DefinitionChange(serializers.Serializer):
    kind = serializers.ChoiceField(["added", "removed", "changed"])
    path = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class ComparedDefinition(serializers.Serializer):
    run = serializers.IntegerField()
    changes = DefinitionChange(many=True)


class ComparedCell(serializers.Serializer):
    run = serializers.IntegerField()
    id = serializers.IntegerField(allow_null=True, help_text="The step run; null where this run has no such step.")
    status = serializers.CharField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    cost_usd = serializers.CharField(allow_null=True)
    duration_delta_ms = serializers.IntegerField(allow_null=True, help_text="Against the first run.")
    cost_delta_usd = serializers.CharField(allow_null=True)
    differs = serializers.ListField(child=serializers.CharField(), help_text="uses, request, state, output, presence")


class ComparedStep(serializers.Serializer):
    key = serializers.CharField()
    runs = ComparedCell(many=True)


class FirstDivergence(serializers.Serializer):
    step = serializers.CharField()
    run = serializers.IntegerField()
    differs = serializers.ListField(child=serializers.CharField())


class RunComparison(serializers.Serializer):
    runs = RunRow(many=True)
    inputs = ComparedInput(many=True, help_text="Only what differs.")
    definitions = ComparedDefinition(many=True, help_text="Every other run against the first.")
    steps = ComparedStep(many=True)
    first_divergence = FirstDivergence(allow_null=True)


class Compare(Endpoint):
    serializer_class = RunComparison
    parameters = ("ids", "project")

    @extend_schema(
        parameters=[
            OpenApiParameter("ids", str, required=True, description="Two to four runs, such as 41,42."),
            OpenApiParameter("project", str, description="The id or slug of the project that they are all in."),
        ],
        responses=RunComparison,
    )
    def get(self, request: Request) -> Response:
        """Runs beside each other, each against the first."""
        ids, project = ",".join(request.query_params.getlist("ids")), request.query_params.get("project")
        who = self.access.actor_in(self.project(project).pk) if project else self.access
        return Response(comparison_shown(compare_runs(ids, who)))


def comparison_shown(comparison: Comparison) -> dict[str, Any]:
    divergence = comparison.divergence
    return {
        "runs": RunRow(comparison.runs, many=True).data,
        "inputs": [input_shown(line, comparison.runs) for line in comparison.inputs],
        "definitions": [
            {"run": run.pk, "changes": [change_shown(change) for change in found]}
            for run, found in comparison.definitions
        ],
        "steps": [{"key": line.key, "runs": [cell_shown(cell) for cell in line.cells]} for line in comparison.steps],
        "first_divergence": divergence
        and {"step": divergence.step, "run": divergence.run.pk, "differs": divergence.differs},
    }


def input_shown(line: InputLine, runs: list[Run]) -> dict[str, Any]:
    pairs = zip(runs, line.values, strict=True)
    return {
        "path": line.path,
        "values": [{"run": run.pk, "present": there, "value": value} for run, (there, value) in pairs],
    }


def change_shown(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, "path": change.path, "old": change.old, "new": change.new}


def cell_shown(cell: Cell) -> dict[str, Any]:
    step = cell.step or {}
    return {
        "run": cell.run.pk,
        "id": step.get("id"),
        "status": step.get("state"),
        "duration_ms": step.get("duration_ms"),
        "cost_usd": money(step.get("cost_usd")),
        "duration_delta_ms": cell.duration_delta_ms,
        "cost_delta_usd": money(cell.cost_delta_usd),
        "differs": cell.differs,
    }


def money(amount: Any) -> str | None:
    return None if amount is None else f"{amount:f}"
