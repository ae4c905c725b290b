"""Reading figures: one statement a chart, its empty buckets filled, each bounded by time, most by a limit as well.

What is only counted goes into its buckets in one pass. Percentiles need each bucket sorted, and all of them together:
there PostgreSQL reads the index bucket by bucket and once more for the whole, which costs less than sorting twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.db import connection

from runs.figures.measures import (
    BUCKET,
    CALL_COLUMNS,
    ENDED_THEN,
    NO_TEST_CALLS,
    NO_TEST_RUNS,
    NOT_CANCELLED,
    RUN_COSTS,
    RUN_COUNTS,
    RUN_MS,
    CallFigures,
    Outcomes,
    RunFigures,
)
from runs.figures.range import Bucket, Range

Figures = TypeVar("Figures")

# Of a workflow at most so many runs are read, the latest ones: a page must not wait for one that ran a million times.
MOST_READ = 100_000
MEDIAN_OF = 1_000
MOST_GROUPS = 20

OUTCOMES_OF_PROJECT = f"""
SELECT {BUCKET}, state, count(*)
FROM runs_run WHERE project_id = %(id)s AND {ENDED_THEN} AND {NO_TEST_RUNS} GROUP BY 1, 2
"""  # noqa: S608 - names of this package
MEDIAN_OF_PROJECT = f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)
FROM (SELECT {RUN_MS} AS ms FROM runs_run
      WHERE project_id = %(id)s AND {ENDED_THEN} AND {NO_TEST_RUNS} AND {NOT_CANCELLED}
      ORDER BY ended_at DESC LIMIT %(most)s) AS latest
"""  # noqa: S608 - names of this package
PARTS = "unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS part (since, until, number)"
IN_PART = "ended_at >= part.since AND ended_at < part.until"
OF_WORKFLOW = f"workflow_id = %(id)s AND {NO_TEST_RUNS}"
# The whole is read from the index alone. Costs stand in the rows, so they are added up from the buckets.
ENDED_OF_WORKFLOW = f"""
WITH cut AS MATERIALIZED (
    SELECT ended_at FROM runs_run WHERE {OF_WORKFLOW} AND {ENDED_THEN}
    ORDER BY ended_at DESC OFFSET %(most)s LIMIT 1
), read AS MATERIALIZED (SELECT COALESCE((SELECT ended_at FROM cut), '-infinity') AS after)
SELECT 0, EXISTS (SELECT FROM cut), found.* FROM read CROSS JOIN LATERAL (
    SELECT {RUN_COUNTS}, 0, 0 FROM runs_run WHERE {OF_WORKFLOW} AND ended_at > read.after AND {ENDED_THEN}
) found
UNION ALL
SELECT part.number, EXISTS (SELECT FROM cut), found.* FROM read CROSS JOIN {PARTS} CROSS JOIN LATERAL (
    SELECT {RUN_COUNTS}, {RUN_COSTS} FROM runs_run WHERE {OF_WORKFLOW} AND ended_at > read.after AND {IN_PART}
) found
"""  # noqa: S608 - names of this package
STARTED_OF_WORKFLOW = f"""
SELECT width_bucket(created_at, %(starts)s::timestamptz[]), count(*) FROM (
    SELECT created_at FROM runs_run
    WHERE {OF_WORKFLOW} AND created_at >= %(since)s AND created_at < %(until)s
    ORDER BY created_at DESC, id DESC LIMIT %(most)s
) AS latest GROUP BY 1
"""  # noqa: S608 - names of this package

OF_CALLED = f"{{column}} = %(id)s AND {NO_TEST_CALLS}"
CALLS = f"""
SELECT 0, found.* FROM (
    SELECT {CALL_COLUMNS}, {{tokens}} FROM runs_call WHERE {OF_CALLED} AND {ENDED_THEN}
) found
UNION ALL
SELECT part.number, found.* FROM {PARTS} CROSS JOIN LATERAL (
    SELECT {CALL_COLUMNS}, {{tokens}} FROM runs_call WHERE {OF_CALLED} AND {IN_PART}
) found
"""  # noqa: S608 - names of this package
# A tool has no tokens, and the index that it is counted in does not carry them.
TOKENS = {"agent": "sum(input_tokens), sum(output_tokens)", "tool": "0, 0"}
GROUPED = {
    "workflow": f"""
SELECT workflow.id, workflow.name, used.* FROM (
    SELECT workflow_id, {CALL_COLUMNS} FROM runs_call WHERE {OF_CALLED} AND {ENDED_THEN}
    GROUP BY workflow_id ORDER BY count(*) DESC LIMIT %(most)s
) used JOIN workflows_workflow workflow ON workflow.id = used.workflow_id
""",  # noqa: S608 - names of this package
    "agent": f"""
SELECT agent.id, agent.name, used.* FROM (
    SELECT caller_id, {CALL_COLUMNS} FROM runs_call WHERE {OF_CALLED} AND {ENDED_THEN} AND caller_id IS NOT NULL
    GROUP BY caller_id ORDER BY count(*) DESC LIMIT %(most)s
) used JOIN agents_agent agent ON agent.id = used.caller_id
""",  # noqa: S608 - names of this package
}
FAILURES = f"""
SELECT outcome, count(*) FROM runs_call
WHERE {OF_CALLED} AND {ENDED_THEN} AND outcome NOT IN ('succeeded', 'cancelled')
GROUP BY outcome ORDER BY count(*) DESC, outcome LIMIT %(most)s
"""  # noqa: S608 - names of this package


@dataclass(frozen=True)
class Series(Generic[Figures]):
    """Figures of a range, in all and by bucket; `found` is the number of a bucket, from 1, -> what is in it.

    `is_cut`: more was in the range than is read, and the oldest left out.
    """

    range: Range
    total: Figures
    found: Mapping[int, Figures]
    nothing: Figures
    is_cut: bool = False

    @property
    def by_bucket(self) -> list[tuple[Bucket, Figures]]:
        """Every bucket of the range, oldest first."""
        numbered = enumerate(self.range.buckets, start=1)
        return [(bucket, self.found.get(number, self.nothing)) for number, bucket in numbered]

    def values(self, measured: Callable[[Figures], Any]) -> list[Any]:
        return [measured(figures) for _, figures in self.by_bucket]


@dataclass(frozen=True)
class Group:
    """The calls of one workflow, or those that one agent's model made."""

    pk: int
    name: str
    figures: CallFigures


def outcomes_of_project(project_id: int, range: Range, *, tests: bool = False) -> Series[Outcomes]:
    counts: dict[int, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for bucket, state, count in rows_of(OUTCOMES_OF_PROJECT, id=project_id, tests=tests, **range.parameters()):
        counts.setdefault(bucket, {})[state] = count
        totals[state] = totals.get(state, 0) + count
    found = {bucket: Outcomes(ended) for bucket, ended in counts.items()}
    return Series(range, Outcomes(totals), found, Outcomes())


def median_of_project(project_id: int, range: Range, *, tests: bool = False) -> int | None:
    """Milliseconds, of the latest thousand that were not cancelled; None when none ended."""
    ((median,),) = rows_of(MEDIAN_OF_PROJECT, id=project_id, tests=tests, most=MEDIAN_OF, **range.parameters())
    return None if median is None else round(median)


def runs_of_workflow(workflow_id: int, range: Range, *, tests: bool = False) -> Series[RunFigures]:
    """Of the latest MOST_READ runs that ended, and as many that started."""
    asked = {"id": workflow_id, "tests": tests, "most": MOST_READ, **range.parameters()}
    started = dict(rows_of(STARTED_OF_WORKFLOW, **asked))
    rows = rows_of(ENDED_OF_WORKFLOW, **asked)
    found = {number: replace(RunFigures.of(row), started=started.get(number, 0)) for number, _, *row in rows}
    whole = found.pop(0)
    costs = sum((one.cost_usd for one in found.values()), Decimal(0))
    own = sum((one.own_cost_usd for one in found.values()), Decimal(0))
    total = replace(whole, started=sum(started.values()), cost_usd=costs, own_cost_usd=own)
    return Series(range, total, found, RunFigures(), is_cut=rows[0][1] or total.started == MOST_READ)


def calls_of(kind: str, pk: int, range: Range, *, tests: bool = False) -> Series[CallFigures]:
    """Of a `tool` or an `agent`."""
    statement = CALLS.format(column=f"{kind}_id", tokens=TOKENS[kind])
    rows = rows_of(statement, id=pk, tests=tests, **range.parameters())
    found = {number: CallFigures.of(row) for number, *row in rows}
    return Series(range, found.pop(0), found, CallFigures())


def calls_grouped(by: str, kind: str, pk: int, range: Range, *, tests: bool = False) -> list[Group]:
    """By the `workflow`, or by the `agent` whose model called, that most calls are of; most first."""
    statement = GROUPED[by].format(column=f"{kind}_id")
    rows = rows_of(statement, id=pk, tests=tests, most=MOST_GROUPS, **range.parameters())
    groups = [Group(group, name, CallFigures.of(row)) for group, name, _, *row in rows]
    return sorted(groups, key=lambda group: (-group.figures.calls, group.name))


def failures_of_calls(kind: str, pk: int, range: Range, *, tests: bool = False) -> list[tuple[str, int]]:
    """(kind of failure, calls), the most frequent first."""
    statement = FAILURES.format(column=f"{kind}_id")
    rows: Iterable[Any] = rows_of(statement, id=pk, tests=tests, most=MOST_GROUPS, **range.parameters())
    return [(failure, count) for failure, count in rows]


def rows_of(statement: str, **parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
