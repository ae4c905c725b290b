"""How the runs of one workflow went over a window: outcomes, durations and cost, in all and by bucket."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from controlplane.events.models import utc_text
from runs.figures import series
from runs.figures.measures import RunFigures
from runs.figures.range import WINDOWS, Bucket, Range, Window
from workflows.models import Workflow

WORKFLOW_WINDOWS = ("24h", "7d", "30d", "90d")
DEFAULT_WINDOW = "30d"


@dataclass
class WorkflowFigures:
    workflow: Workflow
    window_name: str = DEFAULT_WINDOW
    tests: bool = False

    @property
    def window(self) -> Window:
        return WINDOWS[self.window_name]

    @cached_property
    def range(self) -> Range:
        return Range.lately(self.window, ZoneInfo(self.workflow.project.time_zone))

    @cached_property
    def runs(self) -> series.Series[RunFigures]:
        return series.runs_of_workflow(self.workflow.pk, self.range, tests=self.tests)

    @property
    def is_cut(self) -> bool:
        """Whether older runs of the window were left out."""
        return self.runs.is_cut

    @property
    def complete(self) -> series.Series[RunFigures]:
        """Without buckets that only look empty because their runs were not read. The first one may be incomplete."""
        if not self.is_cut:
            return self.runs
        left_out = min(number for number, figures in self.runs.found.items() if figures.runs or figures.started) - 1
        shorter = replace(self.range, since=self.range.buckets[left_out].start)
        found = {number - left_out: figures for number, figures in self.runs.found.items()}
        return replace(self.runs, range=shorter, found=found)

    @property
    def total(self) -> RunFigures:
        return self.runs.total

    @property
    def by_bucket(self) -> list[tuple[Bucket, RunFigures]]:
        return self.runs.by_bucket

    def as_json(self) -> dict[str, Any]:
        facts = {"window": self.window_name, "since": utc_text(self.range.since), "time_zone": str(self.range.zone)}
        buckets = [{**ends(bucket), **figures.as_json()} for bucket, figures in self.by_bucket]
        return {**facts, "is_cut": self.is_cut, **self.total.as_json(), "buckets": buckets}


def ends(bucket: Bucket) -> dict[str, str]:
    return {"start": utc_text(bucket.start), "end": utc_text(bucket.end)}
