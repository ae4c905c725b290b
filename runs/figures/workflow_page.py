"""The figures of a workflow as its page draws them: tiles and charts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.ui.formats import duration_text, money_text, number_text, percent_text
from runs.figures import charts, series
from runs.figures.measures import RUN_OUTCOMES
from runs.figures.range import WINDOWS
from runs.figures.workflow import WORKFLOW_WINDOWS, WorkflowFigures

LINES = (("Median", "info", "median_ms"), ("95 %", "warning", "p95_ms"))


class FiguresPage(WorkflowFigures):
    """What the template asks for."""

    @property
    def windows(self) -> list[tuple[str, str, bool]]:
        return [(name, WINDOWS[name].label, name == self.window_name) for name in WORKFLOW_WINDOWS]

    @property
    def cut_notice(self) -> str:
        return f"Only the latest {number_text(series.MOST_READ)} runs are counted here." if self.is_cut else ""

    def tiles(self) -> Iterator[dict[str, str]]:
        total = self.total
        yield {"label": "Ended", "value": number_text(total.runs), "note": f"{number_text(total.started)} started"}
        yield {
            "label": "Success",
            "value": percent_text(total.success_rate),
            "note": f"{number_text(total.failed)} failed",
        }
        p95 = f"95 % within {duration_text(total.p95_ms)}"
        yield {"label": "Median duration", "value": duration_text(total.median_ms), "note": p95}
        each = f"{money_text(total.cost_usd / total.runs)} a run" if total.cost_usd else "no run cost anything"
        yield {"label": "Cost", "value": money_text(total.cost_usd), "note": each}

    @property
    def outcomes(self) -> dict[str, Any]:
        return charts.outcomes(self.complete, RUN_OUTCOMES)

    @property
    def durations(self) -> dict[str, Any]:
        return charts.durations(self.complete, LINES)

    @property
    def costs(self) -> dict[str, Any]:
        return charts.costs(self.complete)

    @property
    def starts(self) -> dict[str, Any]:
        """By when they were created: runs that have not ended are among them."""
        values = self.complete.values(lambda figures: figures.started)
        return {"labels": self.complete.range.labels, "series": [{"name": "Started", "tone": "info", "values": values}]}
