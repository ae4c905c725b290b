"""How the runs of one workflow went over a range: success, duration and cost, in all and by bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from controlplane.domain.errors import InvalidInput
from controlplane.events.models import utc_text
from runs import statistics
from runs.models import RUN_FINAL, RunState
from runs.usage import floor
from workflows.models import Workflow

# Read at most so many runs, the latest ones: a page must not wait for a workflow that ran a million times.
MOST_READ = 100_000
WENT_WELL = (RunState.SUCCEEDED, RunState.PARTIALLY_SUCCEEDED)

# What a draft did in a test says nothing about the workflow. An interrupted run says nothing about the time it takes.
FIGURES = f"""
WITH latest AS MATERIALIZED (
    SELECT date_bin(make_interval(hours => %(hours)s), created_at AT TIME ZONE %(zone)s, '2000-01-01') AS bucket,
           state, cost_usd, extract(epoch FROM ended_at - started_at) * 1000 AS ms
    FROM runs_run WHERE workflow_id = %(workflow)s AND created_at >= %(since)s AND trigger <> 'test'
    ORDER BY created_at DESC, id DESC LIMIT %(most)s
)
SELECT bucket, count(*), {", ".join(f"count(*) FILTER (WHERE state = '{state}')" for state in RUN_FINAL)},
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY ms) FILTER (WHERE state <> 'cancelled'),
       sum(cost_usd)
FROM latest GROUP BY GROUPING SETS ((bucket), ())
"""  # noqa: S608 - names of this file


@dataclass(frozen=True)
class Window:
    """How far back, in buckets of `bucket` hours of the project's clock."""

    label: str
    hours: int
    bucket: int


WINDOWS = {
    "24h": Window("24 hours", 24, 1),
    "7d": Window("7 days", 168, 6),
    "30d": Window("30 days", 720, 24),
    "90d": Window("90 days", 2160, 72),
}
DEFAULT_WINDOW = "30d"


@dataclass(frozen=True)
class Figures:
    """`ended` is final state -> runs; `median_ms` and `p95_ms` from start to end of those that were not cancelled."""

    runs: int
    ended: Mapping[str, int]
    median_ms: int | None
    p95_ms: int | None
    cost_usd: Decimal

    @property
    def success_rate(self) -> float | None:
        """0 to 1; None while nothing ended by itself."""
        return statistics.success_rate(dict(self.ended))

    def count(self, states: tuple[str, ...]) -> int:
        return sum(self.ended[state] for state in states)

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "ended": {state: count for state, count in self.ended.items() if count},
            "success_rate": self.success_rate,
            "median_duration_ms": self.median_ms,
            "p95_duration_ms": self.p95_ms,
            "cost_usd": f"{self.cost_usd:.6f}",
        }


NOTHING = Figures(0, dict.fromkeys(map(str, RUN_FINAL), 0), None, None, Decimal(0))


def window_name(given: str) -> str:
    """A key of WINDOWS. Raises InvalidInput for another one."""
    if given and given not in WINDOWS:
        raise InvalidInput.field("window", f"Choose one of {', '.join(WINDOWS)}.", "choice")
    return given or DEFAULT_WINDOW


@dataclass
class WorkflowFigures:
    workflow: Workflow
    window_name: str = DEFAULT_WINDOW

    @property
    def window(self) -> Window:
        return WINDOWS[self.window_name]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.workflow.project.time_zone)

    @cached_property
    def buckets(self) -> list[datetime]:
        """Where each begins, by the project's clock, oldest first; the last one has begun and not ended."""
        size = timedelta(hours=self.window.bucket)
        now = timezone.now().astimezone(self.zone).replace(tzinfo=None)
        last = floor(now, size)
        count = self.window.hours // self.window.bucket
        return [last - size * back for back in reversed(range(count))]

    @property
    def since(self) -> datetime:
        return self.buckets[0].replace(tzinfo=self.zone)

    @cached_property
    def found(self) -> dict[datetime | None, Figures]:
        """Start of a bucket -> its figures, None -> those of all. Buckets without runs are missing."""
        window = {"since": self.since, "zone": self.workflow.project.time_zone, "hours": self.window.bucket}
        rows = statistics.rows_of(FIGURES, workflow=self.workflow.pk, most=MOST_READ, **window)
        return {bucket: figures_of(rest) for bucket, *rest in rows}

    @property
    def total(self) -> Figures:
        return self.found.get(None, NOTHING)

    @property
    def by_bucket(self) -> list[tuple[datetime, Figures]]:
        return [(bucket, self.found.get(bucket, NOTHING)) for bucket in self.buckets]

    @property
    def is_cut(self) -> bool:
        """Whether older runs of the range were left out."""
        return self.total.runs == MOST_READ

    @property
    def counted_since(self) -> datetime:
        """Start of the first bucket whose runs were read; that one may be incomplete when `is_cut`."""
        return min(bucket for bucket in self.found if bucket is not None) if self.is_cut else self.buckets[0]

    def as_json(self) -> dict[str, Any]:
        buckets = [
            {"start": utc_text(start.replace(tzinfo=self.zone)), **figures.as_json()}
            for start, figures in self.by_bucket
        ]
        facts = {"window": self.window_name, "since": utc_text(self.since), "time_zone": str(self.zone)}
        return {**facts, "is_cut": self.is_cut, **self.total.as_json(), "buckets": buckets}


def figures_of(row: list[Any]) -> Figures:
    runs, *counts, quantiles, cost = row
    median, p95 = (None if value is None else round(value) for value in quantiles or (None, None))
    return Figures(runs, dict(zip(map(str, RUN_FINAL), counts, strict=True)), median, p95, cost or Decimal(0))
