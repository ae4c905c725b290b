"""The figures of a workflow as its page draws them: tiles and charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from controlplane.ui.formats import duration_text, money_text, number_text, percent_text
from runs.figures import MOST_READ, WENT_WELL, WINDOWS, Figures, WorkflowFigures
from runs.models import RunState
from runs.statistics import WENT_WRONG

SERIES = (
    ("Succeeded", "success", WENT_WELL),
    ("Failed", "danger", WENT_WRONG),
    ("Cancelled", "neutral", (RunState.CANCELLED,)),
)


class FiguresPage(WorkflowFigures):
    """What the template asks for."""

    @property
    def windows(self) -> list[tuple[str, str, bool]]:
        return [(name, window.label, name == self.window_name) for name, window in WINDOWS.items()]

    @property
    def note(self) -> str:
        """Which runs are counted."""
        return f"the latest, since {self.counted_since:%d %b %H:%M}" if self.is_cut else "without test runs"

    @property
    def cut_notice(self) -> str:
        return f"Only the latest {number_text(MOST_READ)} runs are counted here." if self.is_cut else ""

    def tiles(self) -> Iterator[dict[str, str]]:
        total = self.total
        rate, failed = total.success_rate, total.count(WENT_WRONG)
        yield {"label": "Runs", "value": number_text(total.runs), "note": self.note}
        yield {
            "label": "Success",
            "value": "–" if rate is None else percent_text(rate),
            "note": f"{number_text(failed)} failed",
        }
        p95 = f"95 % within {duration_text(total.p95_ms)}"
        yield {"label": "Median duration", "value": duration_text(total.median_ms), "note": p95}
        each = f"{money_text(total.cost_usd / total.runs)} a run" if total.cost_usd else "no run cost anything"
        yield {"label": "Cost", "value": money_text(total.cost_usd), "note": each}

    @property
    def every(self) -> str:
        """How long a bucket is, in words."""
        hours = self.window.bucket
        if hours < 24:
            return "each hour" if hours == 1 else f"every {hours} hours"
        return "each day" if hours == 24 else f"every {hours // 24} days"

    @property
    def labels(self) -> list[str]:
        form = "%H:%M" if self.window.hours <= 24 else "%a %H:%M" if self.window.bucket < 24 else "%d %b"
        return [start.strftime(form) for start, _ in self.shown]

    @property
    def outcomes(self) -> dict[str, Any]:
        series = [
            {"name": name, "tone": tone, "values": [figures.count(states) for figures in self.column]}
            for name, tone, states in SERIES
        ]
        return {"labels": self.labels, "series": series, "stacked": True}

    @property
    def durations(self) -> dict[str, Any]:
        """In seconds; a gap where nothing ended."""
        middle = {"name": "Median", "tone": "info", "values": [seconds(one.median_ms) for one in self.column]}
        slow = {"name": "95 %", "tone": "warning", "values": [seconds(one.p95_ms) for one in self.column]}
        return {"labels": self.labels, "series": [middle, slow], "unit": "s"}

    @property
    def costs(self) -> dict[str, Any]:
        values = [float(round(one.cost_usd, 4)) for one in self.column]
        return {"labels": self.labels, "series": [{"name": "USD", "tone": "accent", "values": values}]}

    @property
    def shown(self) -> list[tuple[datetime, Figures]]:
        """Without buckets that only look empty because their runs were not read."""
        return [(start, figures) for start, figures in self.by_bucket if start >= self.counted_since]

    @property
    def column(self) -> list[Figures]:
        return [figures for _, figures in self.shown]


def seconds(ms: int | None) -> float | None:
    return None if ms is None else round(ms / 1000, 2)
