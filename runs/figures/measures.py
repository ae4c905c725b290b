"""What is measured of runs and of calls, each thing once; docs/figures.md says the same in words.

The columns of SQL stand beside what reads them, so that a page, a chart, a file and the API cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from runs.models import RUN_FINAL, RunState

# Of a run: from its first step's start to its end. What was cancelled says nothing about the time it takes.
RUN_MS = "extract(epoch FROM ended_at - started_at) * 1000"
NOT_CANCELLED = "state <> 'cancelled'"
# What a draft did in a test says nothing about the workflow, unless somebody asks for it.
NO_TEST_RUNS = "(%(tests)s OR trigger <> 'test')"
NO_TEST_CALLS = "(%(tests)s OR NOT is_test)"
ENDED_THEN = "ended_at >= %(since)s AND ended_at < %(until)s"
BUCKET = "width_bucket(ended_at, %(starts)s::timestamptz[])"

RUN_COUNTS = f"""
{", ".join(f"count(*) FILTER (WHERE state = '{state}')" for state in RUN_FINAL)},
percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY {RUN_MS}) FILTER (WHERE {NOT_CANCELLED})
"""
RUN_COSTS = "sum(cost_usd), sum(cost_usd - children_cost_usd)"
CALL_COLUMNS = """
count(*), count(*) FILTER (WHERE outcome = 'succeeded'), count(*) FILTER (WHERE outcome = 'cancelled'),
percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE outcome <> 'cancelled'),
sum(cost_usd)
"""


class Share(NamedTuple):
    """One colour of a stacked bar: its name, its tone, and what is counted in it."""

    name: str
    tone: str
    counted: str


RUN_OUTCOMES = (
    Share("Succeeded", "success", RunState.SUCCEEDED),
    Share("Partially succeeded", "warning", RunState.PARTIALLY_SUCCEEDED),
    Share("Failed", "danger", RunState.FAILED),
    Share("Timed out", "orange", RunState.TIMED_OUT),
    Share("Cancelled", "neutral", RunState.CANCELLED),
)
CALL_OUTCOMES = (
    Share("Succeeded", "success", "succeeded"),
    Share("Failed", "danger", "failed"),
    Share("Cancelled", "neutral", "cancelled"),
)
WENT_WRONG = (RunState.FAILED, RunState.TIMED_OUT)


def success_share(succeeded: int, ended_by_themselves: int) -> float | None:
    """0 to 1; None when nothing ended by itself. What was cancelled is no success and no failure."""
    return succeeded / ended_by_themselves if ended_by_themselves else None


@dataclass(frozen=True)
class Outcomes:
    """How runs ended: final state -> runs. Only part of it succeeded: not counted as a success, nor as a failure."""

    ended: Mapping[str, int] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        return sum(self.ended.values())

    @property
    def cancelled(self) -> int:
        return self.count(RunState.CANCELLED)

    @property
    def failed(self) -> int:
        """Failed or timed out."""
        return sum(self.count(state) for state in WENT_WRONG)

    @property
    def success_rate(self) -> float | None:
        return success_share(self.count(RunState.SUCCEEDED), self.runs - self.cancelled)

    def count(self, state: str) -> int:
        return self.ended.get(state, 0)

    def ended_json(self) -> dict[str, int]:
        """Without states in which none ended."""
        return {state: count for state, count in self.ended.items() if count}


@dataclass(frozen=True)
class RunFigures(Outcomes):
    """Of runs that ended. `cost_usd` with the runs that they started, `own_cost_usd` without."""

    started: int = 0
    median_ms: int | None = None
    p95_ms: int | None = None
    cost_usd: Decimal = Decimal(0)
    own_cost_usd: Decimal = Decimal(0)

    @classmethod
    def of(cls, row: Iterable[Any]) -> RunFigures:
        """From RUN_COUNTS and RUN_COSTS."""
        *counts, percentiles, cost, own = row
        ended = dict(zip(map(str, RUN_FINAL), counts, strict=True))
        median, p95 = whole(percentiles, 2)
        return cls(ended, 0, median, p95, Decimal(cost or 0), Decimal(own or 0))

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "started": self.started,
            "ended": self.ended_json(),
            "success_rate": self.success_rate,
            "median_duration_ms": self.median_ms,
            "p95_duration_ms": self.p95_ms,
            "cost_usd": f"{self.cost_usd:.6f}",
            "own_cost_usd": f"{self.own_cost_usd:.6f}",
        }


@dataclass(frozen=True)
class CallFigures:
    """Of calls that ended. Percentiles and success rate leave out what was cancelled; None where nothing is left."""

    calls: int = 0
    succeeded: int = 0
    cancelled: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    cost_usd: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0

    @classmethod
    def of(cls, row: Iterable[Any]) -> CallFigures:
        """From CALL_COLUMNS, and the tokens where they are asked for."""
        calls, succeeded, cancelled, percentiles, cost, *tokens = row
        read, written = (int(count or 0) for count in tokens or (0, 0))
        p50, p95, p99 = whole(percentiles, 3)
        return cls(calls, succeeded, cancelled, p50, p95, p99, cost or Decimal(0), read, written)

    @property
    def failed(self) -> int:
        """However it failed; a time limit is one of the ways."""
        return self.calls - self.succeeded - self.cancelled

    @property
    def success_rate(self) -> float | None:
        return success_share(self.succeeded, self.calls - self.cancelled)

    def count(self, outcome: str) -> int:
        """`outcome` is that of CALL_OUTCOMES."""
        return {"succeeded": self.succeeded, "failed": self.failed, "cancelled": self.cancelled}[outcome]

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "success_rate": self.success_rate,
            "latency_ms": {"p50": self.p50_ms, "p95": self.p95_ms, "p99": self.p99_ms},
            "cost_usd": f"{self.cost_usd:.6f}",
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }


def whole(percentiles: list[float | None] | None, count: int) -> list[int | None]:
    """Milliseconds; None where nothing was measured."""
    return [None if value is None else round(value) for value in percentiles or [None] * count]
