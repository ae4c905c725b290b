"""Holding a run back: what is ready waits, what runs may end, and then the pause is effective."""

from __future__ import annotations

from controlplane.domain.queueing import enqueue
from runs import events
from runs.engine.locked import LockedRun
from runs.engine.sql import Row, one, run_statement
from runs.engine.states import TIMED
from runs.models import PauseCause, RunState

HOLD = f"""
UPDATE runs_steprun SET held = true
WHERE run_id = %(run)s AND state IN {TIMED} AND due_at IS NOT NULL
"""
WAIT_FOR_CHILDREN = """
SELECT id FROM runs_steprun WHERE run_id = %(run)s AND waits_for = 'child'
"""
STILL_RUNNING = "SELECT id FROM runs_steprun WHERE run_id = %(run)s AND state = 'running' LIMIT 1"
SYSTEM_NAME = "system"


def pause(run: LockedRun, *, actor: str, user: int | None, reason: str, cause: str) -> None:
    """Hold what is ready, in this run and in those that it started. `cause`: a PauseCause."""
    run.pause_requested_at, run.pause_cause, run.control_by, run.control_reason = run.now, cause, actor, reason
    run.emit(events.PAUSE_REQUESTED, actor=actor, user=user, reason=reason)
    run_statement(HOLD, {"run": run.id})
    tell_children(run)
    if run.state == RunState.QUEUED:
        run.state = RunState.PAUSED
        run.emit(events.PAUSED, actor=actor, user=user, state=run.state, reason=reason)
    else:
        settle_pause(run)


def pause_for_review(run: LockedRun, step: Row) -> None:
    """A step's outcome is unknown: nothing else starts until a person has decided."""
    run.people_steps += 1
    if run.pause_requested_at is None and run.stop_requested_at is None:
        reason = f"Step {step['key']} needs a review."
        pause(run, actor=SYSTEM_NAME, user=None, reason=reason, cause=PauseCause.REVIEW)


def tell_children(run: LockedRun) -> None:
    """The runs that this one started pause and resume with it; the sweep repeats what gets lost."""
    for step in run_statement(WAIT_FOR_CHILDREN, {"run": run.id}):
        enqueue("runs.tasks.follow_pause", step["id"], run.id)


def settle_pause(run: LockedRun) -> None:
    """A pause is effective once nothing runs any more."""
    if run.pause_requested_at is None or run.state != RunState.RUNNING:
        return
    if one(STILL_RUNNING, {"run": run.id}) is None:
        run.state = RunState.PAUSED
        run.emit(events.PAUSED, state=RunState.PAUSED, reason=run.control_reason)
