"""Cancel, pause, resume and review: requests with who and why. What runs is interrupted by its own worker.

Whether the run's state allows it the action has asked, which holds the run's row.
"""

from __future__ import annotations

from dataclasses import replace

from controlplane.domain.action import Actor
from controlplane.domain.errors import Unavailable
from controlplane.domain.queueing import enqueue
from runs import events
from runs.engine.advance import Advance, close
from runs.engine.claim import run_of
from runs.engine.locked import LockedRun, described, locked_run, locked_run_or_refuse
from runs.engine.outputs import StorageFailure, store
from runs.engine.pausing import SYSTEM_NAME, pause, tell_children
from runs.engine.sql import Row, one, run_statement
from runs.engine.states import STEP_OPEN, in_list
from runs.engine.waiting import Ending, emit_ending, settle_waiting
from runs.models import PauseCause, ReviewOutcome, RunState, StepRun, StepState, WaitsFor

STATE_AFTER_REVIEW = {
    ReviewOutcome.SUCCEEDED: StepState.SUCCEEDED,
    ReviewOutcome.FAILED: StepState.FAILED,
    ReviewOutcome.RUN_AGAIN: StepState.QUEUED,
}
UNSTARTED = in_list(state for state in STEP_OPEN if state not in (StepState.RUNNING, StepState.WAITING))
BEGUN = in_list([StepState.RUNNING, StepState.WAITING])
DROP_UNSTARTED = f"""
UPDATE runs_steprun SET state = 'cancelled', waits_for = '', ended_at = clock_timestamp(), held = false
WHERE run_id = %(run)s AND (
    state IN {UNSTARTED}
    OR (state = 'waiting' AND waits_for NOT IN ('child', 'items'))
)
RETURNING id, key, index, state
"""
ASK_RUNNING = """
WITH asked AS (
    SELECT id FROM runs_steprun
    WHERE run_id = %(run)s AND (state = 'running' OR waits_for = 'child') ORDER BY id FOR NO KEY UPDATE
)
UPDATE runs_steprun SET cancel_requested = true FROM asked
WHERE runs_steprun.run_id = %(run)s AND runs_steprun.id = asked.id
RETURNING runs_steprun.id, uses, state
"""
RECOUNT_ITEMS = f"""
WITH left_over AS (
    SELECT parent.id, count(item.id) AS n
    FROM runs_steprun parent LEFT JOIN runs_steprun item ON item.run_id = parent.run_id AND item.key = parent.key
        AND item.index IS NOT NULL AND item.state IN {BEGUN}
    WHERE parent.run_id = %(run)s AND parent.waits_for = 'items'
    GROUP BY parent.id
)
UPDATE runs_steprun SET open_items = n,
    state = CASE WHEN n = 0 THEN 'cancelled' ELSE state END,
    waits_for = CASE WHEN n = 0 THEN '' ELSE waits_for END,
    ended_at = CASE WHEN n = 0 THEN clock_timestamp() END
FROM left_over WHERE runs_steprun.run_id = %(run)s AND runs_steprun.id = left_over.id
RETURNING runs_steprun.id, key, index, state
"""
RELEASE_HELD = """
UPDATE runs_steprun SET held = false, rung_at = CASE WHEN due_at <= now() THEN now() END,
    due_at = CASE WHEN waits_for = 'signal' THEN due_at + (now() - GREATEST(started_at, %(since)s)) ELSE due_at END
WHERE run_id = %(run)s AND held
RETURNING id, key, index, queue, state <> 'waiting' AND due_at <= now() AS ready
"""
CHILD_OF = """
SELECT child.id, run.id AS parent, run.pause_requested_at IS NOT NULL AND run.ended_at IS NULL AS paused
FROM runs_run child JOIN runs_run run ON run.id = child.parent_run_id
WHERE child.parent_run_id = %(run)s AND child.parent_step_id = %(step)s AND child.ended_at IS NULL
"""
NEEDS_REVIEW = "SELECT key FROM runs_steprun WHERE run_id = %(run)s AND state = 'needs_review' LIMIT 1"
RUN_AGAIN = """
UPDATE runs_steprun SET state = 'queued', waits_for = '', due_at = now(), rung_at = NULL, sent_at = NULL, losses = 0,
    held = %(held)s, ended_at = NULL
WHERE run_id = %(run)s AND id = %(id)s AND state = 'needs_review' RETURNING id, key, index, state, queue
"""


def request_stop(run_id: int, *, by: Actor, reason: str) -> str:
    """Drop what has not started, ask what runs to stop. Returns the run's state: stopping, or final at once."""
    with locked_run_or_refuse(run_id) as run:
        stop(run, actor=by.name, user=by.user_id, reason=reason)
        return run.state


def stop(run: LockedRun, *, actor: str, user: int | None, reason: str) -> None:
    """Drop what has not begun or only waits, ask what runs to end. `user` is None when the engine asks."""
    run.stop_requested_at, run.control_by, run.control_reason = run.now, actor, reason
    run.state = RunState.STOPPING
    run.emit(events.STOP_REQUESTED, actor=actor, user=user, state=run.state, reason=reason)
    run.end_pause()
    dropped = run_statement(DROP_UNSTARTED, {"run": run.id})
    run.people_steps = 0
    parents = run_statement(RECOUNT_ITEMS, {"run": run.id})
    for row in [*dropped, *(parent for parent in parents if parent["state"] == StepState.CANCELLED)]:
        run.open_steps -= 1
        run.emit(events.STEP_CANCELLED, actor=actor, user=user, **described(row, StepState.CANCELLED))
    for row in run_statement(ASK_RUNNING, {"run": run.id}):
        if row["state"] == StepState.WAITING:
            enqueue("runs.tasks.stop_child", row["id"], run.id)
    if run.open_steps == 0:
        close(run)


def request_pause(run_id: int, *, by: Actor, reason: str) -> str:
    """Hold what is ready; what runs may end. Returns paused, or running while steps are still ending."""
    with locked_run_or_refuse(run_id) as run:
        pause(run, actor=by.name, user=by.user_id, reason=reason, cause=PauseCause.PERSON)
        return run.state


def request_resume(run_id: int, *, by: Actor) -> str:
    """Returns the state that the run is in now. Raises ActionRefused where it was deleted meanwhile."""
    with locked_run_or_refuse(run_id) as run:
        resume(run, actor=by.name, user=by.user_id)
        return run.state


def resume(run: LockedRun, *, actor: str, user: int | None) -> None:
    """What was held goes on. Paused time does not count against the limit of a wait for a signal."""
    since = run.pause_requested_at
    run.end_pause()
    run.control_by = run.control_reason = ""
    run.state = RunState.RUNNING if run.has_started else RunState.QUEUED
    run.emit(events.RESUMED, actor=actor, user=user, state=run.state)
    released = run_statement(RELEASE_HELD, {"run": run.id, "since": since})
    Advance(run).go_on_with([row for row in released if row["ready"]])
    tell_children(run)


def follow_pause(step_id: int, run_id: int | None = None) -> None:
    """Bring the run that this step waits for in line with the step's own run; may be called at any time."""
    for row in run_statement(CHILD_OF, {"run": run_id or run_of(step_id), "step": step_id}):
        with locked_run(row["id"]) as child:
            if child is not None:
                pause_or_resume_child(child, parent=row["parent"], paused=row["paused"])


def pause_or_resume_child(child: LockedRun, *, parent: int, paused: bool) -> None:
    """Follows the run `parent`; a pause that a person asked for is left to people."""
    if paused and child.pause_requested_at is None and child.state in {RunState.QUEUED, RunState.RUNNING}:
        reason = f"Run {parent}, which started this one, was paused."
        pause(child, actor=SYSTEM_NAME, user=None, reason=reason, cause=PauseCause.PARENT)
    elif not paused and child.pause_cause == PauseCause.PARENT and one(NEEDS_REVIEW, {"run": child.id}) is None:
        resume(child, actor=SYSTEM_NAME, user=None)


def stop_child(step_id: int, run_id: int | None = None) -> None:
    """The parent is stopping: so does the run that its step waits for; may be called at any time."""
    for row in run_statement(CHILD_OF, {"run": run_id or run_of(step_id), "step": step_id}):
        with locked_run(row["id"]) as child:
            if child is not None and not child.is_final and child.stop_requested_at is None:
                stop(child, actor=SYSTEM_NAME, user=None, reason="The run that started this one was stopped.")


def review(step: StepRun, *, outcome: str, output: object, note: str, by: Actor) -> None:
    """A person says how a step with unknown outcome ended, or lets it run again; then the run goes on."""
    with locked_run_or_refuse(step.run_id) as run:
        state = STATE_AFTER_REVIEW[ReviewOutcome(outcome)]
        decided = Ending(state, event=events.STEP_REVIEWED, by=by, facts={"outcome": outcome, "note": note})
        if state == StepState.QUEUED:
            row = run_again(run, step.pk, decided)
        else:
            decided = replace(decided, output=stored(run, step, output))
            row = settle_waiting(run, step.pk, WaitsFor.REVIEW, decided)
        assert row is not None
        # A pause that a person asked for goes on until a person ends it.
        if run.pause_cause == PauseCause.REVIEW and one(NEEDS_REVIEW, {"run": run.id}) is None:
            resume(run, actor=by.name, user=by.user_id)
        if state != StepState.QUEUED:
            Advance(run).after(row)


def send_signal(step: StepRun, *, output: object, by: Actor) -> None:
    """What the step waited for has come: `output` is what it gives. Later steps go on, or are held as all others."""
    with locked_run_or_refuse(step.run_id) as run:
        kept = stored(run, step, output)
        which = {"id": step.pk, "key": step.key, "index": step.index}
        run.emit(events.STEP_SIGNALLED, actor=by.name, user=by.user_id, **described(which, StepState.WAITING))
        row = settle_waiting(run, step.pk, WaitsFor.SIGNAL, Ending(StepState.SUCCEEDED, output=kept))
        assert row is not None
        Advance(run).after(row)


def stored(run: LockedRun, step: StepRun, output: object) -> object:
    """As `outputs.store`; raises Unavailable when the files cannot be written."""
    try:
        return store(output, run_id=run.id, step_id=step.pk, attempt_no=step.attempt_no)
    except StorageFailure as failure:
        raise Unavailable(failure.message) from failure


def run_again(run: LockedRun, step_id: int, decided: Ending) -> Row | None:
    """The step, queued for another attempt, or held; None when it does not wait for a review any more."""
    row = one(RUN_AGAIN, {"run": run.id, "id": step_id, "held": run.holds_steps})
    if row is not None:
        run.people_steps -= 1
        emit_ending(run, row, decided)
        if not run.holds_steps:
            run.ring_for(row)
    return row
