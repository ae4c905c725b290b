"""Steps that are taken and recorded by the dozen, while their workers die: R-23."""

from __future__ import annotations

import contextlib
import random
import signal
from collections import Counter

from controlplane.domain.errors import ActionRefused
from runs.actions import cancel_run, start_runs
from runs.models import Run
from tests.faults.cast import BODY, Cast, repeated
from tests.faults.crashes import crash_at
from tests.faults.report import Report
from tests.faults.stage import Stage
from workflows.models import Workflow

POINTS = ["claim.after_commit", "record.before_commit", "group.between", "event.before_commit", "record.after_commit"]
# Every run of a round with this delay has a step whose output nobody can store.
POISON = 9


def workers_of_groups(stage: Stage, report: Report, *, short: bool) -> None:
    """R-23: a group whose worker dies between any two of its statements loses no run and repeats none."""
    cast, runs = stage.cast, 12 if short else 60
    stage.sweeper()
    heir = stage.worker("heir", threads=4)
    stage.wait_for_workers("heir")
    table = {}
    for point in random.sample(POINTS, 1) if short else POINTS:
        workflow = grouped_workflow(cast, point)
        heir.send(signal.SIGSTOP)
        started = start_round(cast, workflow, runs)
        crash_at(stage, point, random.randint(1, 3))
        for run in random.sample(started[:-2], 3):
            with contextlib.suppress(ActionRefused):
                cancel_run(run, by=cast.by)
        heir.send(signal.SIGCONT)
        cast.settle(workflow, 60)
        # The call of a worker that died with it in its hands may not have left: a person says it did.
        asked = {step.run_id for step in cast.needs_review(workflow)}
        cast.approve_all(workflow)
        cast.settle(workflow, 60)
        poisoned = {run.pk for run in started[-2:]}
        table[point] = outcome_of(cast, workflow, report, point, poisoned, asked)
    report.measure(points=len(table), runs=len(table) * runs)
    for point, row in table.items():
        report.measure(**{point: row})


def grouped_workflow(cast: Cast, point: str) -> Workflow:
    """Two steps and eight items that are done in a moment, then a call that must not be repeated."""
    poison = {"when": f"params.delay == {POISON}.0", "with": "${{ 'nul \\u0000' }}"}
    return cast.workflow(
        f"group-{point.replace('.', '-')}",
        {"key": "a", "uses": "transform", "with": "${{ run.id }}"},
        {"key": "bad", "uses": "transform", "needs": ["a"], **poison},
        {"key": "all", "uses": "transform", "needs": ["a"], "foreach": list(range(8)), "with": "${{ item + 1 }}"},
        {"key": "once", "uses": "tool:once", "needs": ["all"], "with": {**BODY, "delay": 0.01, "step": "once"}},
    )


def start_round(cast: Cast, workflow: Workflow, count: int) -> list[Run]:
    """All in one transaction; the last two are poisoned."""
    inputs = [{"delay": POISON if number >= count - 2 else 0.01} for number in range(count)]
    return start_runs(workflow, inputs=inputs, by=cast.by)


def outcome_of(
    cast: Cast, workflow: Workflow, report: Report, point: str, poisoned: set[int], asked: set[int]
) -> dict[str, object]:
    ends = dict(Run.objects.filter(workflow=workflow).values_list("pk", "state"))
    calls = cast.calls(workflow)
    called = Counter(entry.body["run"] for entry in calls)
    succeeded = {pk for pk, state in ends.items() if state == "succeeded"}
    report.check(f"{point}: nothing is called twice", not repeated(calls, "/once"))
    report.check(f"{point}: whoever succeeded has called", all(called[pk] == 1 for pk in succeeded - asked))
    failed, states = {pk for pk, state in ends.items() if state == "failed"}, Counter(ends.values())
    report.check(f"{point}: just the poisoned fail", failed == poisoned)
    report.check(f"{point}: the others succeed, or were cancelled", set(states) <= {"succeeded", "failed", "cancelled"})
    report.check(f"{point}: no more than three were", states["cancelled"] <= 3)
    return dict(states)
