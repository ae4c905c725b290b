"""A new run in which some steps stand as succeeded from the beginning, with what they answered in an earlier run."""

from __future__ import annotations

from django.db import transaction

from controlplane.domain.errors import ActionRefused
from runs import events
from runs.engine.advance import Advance
from runs.engine.faults import fault
from runs.engine.locked import LockedRun, described, locked_run
from runs.engine.sql import Row, one, run_statement
from runs.engine.submit import RunOrder, as_run, insert, ring_all
from runs.models import Run, StepState

# Whoever deletes the earlier run waits until its outputs and files have a second owner.
HOLD_SOURCE = """
SELECT id FROM runs_run WHERE id = %(source)s AND ended_at IS NOT NULL FOR KEY SHARE
"""
REUSE = """
UPDATE runs_steprun step SET state = 'succeeded', waiting_for = 0, output = source.output, request = source.request,
    reused = true, queued_at = NULL, started_at = now(), ended_at = now()
FROM runs_steprun source
WHERE step.run_id = %(run)s AND step.key = ANY(%(keys)s) AND step.state = 'pending'
  AND source.run_id = %(source)s AND source.key = step.key AND source.index IS NULL AND source.state = 'succeeded'
RETURNING step.id, step.key, step.index
"""
# The rows are copied, the files are shared: a file goes with the last row that names it.
COPY_ARTIFACTS = """
WITH copied AS (
    INSERT INTO runs_artifact (run_id, step_id, attempt_no, name, content_type, size, sha256, file)
    SELECT step.run_id, step.id, 0, old.name, old.content_type, old.size, old.sha256, old.file
    FROM runs_steprun step
        JOIN runs_steprun source ON source.run_id = %(source)s AND source.key = step.key AND source.index IS NULL
        JOIN runs_artifact old ON old.run_id = %(source)s AND old.step_id = source.id
    WHERE step.run_id = %(run)s AND step.reused
    RETURNING id, step_id, file
)
UPDATE runs_steprun step SET output = jsonb_set(step.output, '{$artifact}', to_jsonb(copied.id))
FROM copied JOIN runs_artifact old ON old.file = copied.file AND old.run_id = %(source)s
WHERE step.run_id = %(run)s AND step.id = copied.step_id AND step.output -> '$artifact' = to_jsonb(old.id)
"""


def submit_replay(order: RunOrder, source: Run) -> Run:
    """The new run. Steps in `order.reused` are taken over from `source`; everything else is as for any new run.

    Raises ActionRefused when the earlier run has gone meanwhile.
    """
    with transaction.atomic(savepoint=False):
        if one(HOLD_SOURCE, {"source": source.pk}) is None:
            raise ActionRefused(f"Run {source.pk} is not there any more.")
        first = insert(order, [order.inputs])
        run = as_run(order, order.inputs, first[0])
        ready = [step for step in first if step["state"] == StepState.QUEUED]
        with locked_run(run.pk) as locked:
            assert locked is not None
            take_over(locked, order, source)
            open_what_follows(locked, [step for step in first if may_open(step, order)])
        fault("event.before_commit")
        transaction.on_commit(lambda: ring_all([run], ready), robust=True)
    run.refresh_from_db(fields=["state", "outputs", "error", "started_at", "ended_at", "last_seq", "open_steps"])
    return run


def take_over(locked: LockedRun, order: RunOrder, source: Run) -> None:
    """Steps in `order.reused`, as they ended in `source`. Raises ActionRefused if they are not there any more."""
    where = {"run": locked.id, "source": source.pk}
    rows = run_statement(REUSE, {**where, "keys": list(order.reused)})
    if len(rows) != len(order.reused):
        raise ActionRefused(f"Run {source.pk} has changed meanwhile. Look at the preview again.")
    run_statement(COPY_ARTIFACTS, where)
    for row in rows:
        locked.emit(events.STEP_REUSED, **described(row, StepState.SUCCEEDED), source=source.pk)


def may_open(step: Row, order: RunOrder) -> bool:
    """Whether nothing is left that it waits for."""
    return step["state"] == StepState.PENDING and step["key"] not in order.reused


def open_what_follows(locked: LockedRun, steps: list[Row]) -> None:
    walk = Advance(locked)
    for step in steps:
        walk.open({"id": step["id"], "key": step["key"], "index": None})
    walk.go_on()
