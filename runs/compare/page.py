"""The page that shows runs beside each other."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from controlplane.domain.comparison import shortened
from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.ui.formats import duration_text, money_text
from controlplane.ui.request import PortalRequest
from runs.compare.domain import Cell, Comparison, compare_runs

CHANGES_SHOWN = 300


@require_GET
def compare(request: PortalRequest) -> HttpResponse:
    """`?ids=1,2`; without them, or with wrong ones, a form that asks for them."""
    text = ",".join(request.GET.getlist("ids")).replace("\x00", "")[:200]
    context: dict[str, Any] = {"text": text, "page": None, "problem": None}
    try:
        context["page"] = ComparisonPage(compare_runs(text, request.member)) if text else None
    except InvalidInput as problem:
        return refused(request, context, problem)
    return render(request, "runs/compare.html", context)


def refused(request: PortalRequest, context: dict[str, Any], problem: ProblemError) -> HttpResponse:
    return render(request, "runs/compare.html", {**context, "problem": problem}, status=problem.status)


class ComparisonPage:
    """A comparison in words."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.runs = comparison.runs

    @property
    def heads(self) -> list[dict[str, Any]]:
        first = self.comparison.first
        return [
            {
                "run": run,
                "is_first": run is first,
                "slower": "" if run is first else delta_text(self.comparison.duration_delta(run)),
                "dearer": "" if run is first else cost_delta_text(self.comparison.cost_delta(run)),
            }
            for run in self.runs
        ]

    @property
    def steps(self) -> list[dict[str, Any]]:
        diverges = self.comparison.divergence.step if self.comparison.divergence else ""
        return [
            {"key": line.key, "first": line.key == diverges, "cells": [cell_shown(cell) for cell in line.cells]}
            for line in self.comparison.steps
        ]

    @property
    def inputs(self) -> list[tuple[str, list[str | None]]]:
        return [
            (line.path, [shortened(value) if there else None for there, value in line.values])
            for line in self.comparison.inputs[:CHANGES_SHOWN]
        ]

    @property
    def definitions(self) -> list[dict[str, Any]]:
        return [
            {
                "run": run,
                "changes": [
                    {"path": change.path, "kind": change.kind,
                     "old": None if change.kind == "added" else shortened(change.old),
                     "new": None if change.kind == "removed" else shortened(change.new)}
                    for change in found[:CHANGES_SHOWN]
                ],
                "more": max(0, len(found) - CHANGES_SHOWN),
            }
            for run, found in self.comparison.definitions
        ]  # fmt: skip


def cell_shown(cell: Cell) -> dict[str, Any]:
    return {
        "run": cell.run,
        "step": cell.step,
        "state": cell.step["state"] if cell.step else "",
        "slower": delta_text(cell.duration_delta_ms),
        "dearer": cost_delta_text(cell.cost_delta_usd),
        "differs": cell.differs,
    }


def delta_text(ms: int | None) -> str:
    """With its sign, as in `+1.2 s`; nothing for no difference."""
    return "" if not ms else f"{'+' if ms > 0 else '−'}{duration_text(abs(ms))}"


def cost_delta_text(amount: Any) -> str:
    return "" if not amount else f"{'+' if amount > 0 else '−'}{money_text(abs(amount))}"
