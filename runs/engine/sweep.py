"""The engine's parts of the sweep: what was lost, late or due. Each statement repeats its condition."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings

from controlplane.domain.database import is_away
from controlplane.domain.failures import TimedOut
from runs import events
from runs.engine import slots
from runs.engine.advance import Advance
from runs.engine.attention import PEOPLE_STEPS_OF_RUN
from runs.engine.calling import bell_for, call_workers
from runs.engine.children import follow_attention, settle_child
from runs.engine.control import follow_pause, stop, stop_child
from runs.engine.external import mark_lost
from runs.engine.finish import give_slot_back
from runs.engine.locked import LockedRun, as_json, described, locked_run
from runs.engine.pausing import pause_for_review, settle_pause
from runs.engine.sql import Row, one, run_statement
from runs.engine.states import CLAIMABLE, in_list
from runs.engine.waiting import Ending, settle_waiting
from runs.models import RUN_LIVE, RunState, StepState, Trigger, WaitsFor
from workflows.specification.language import Step

logger = logging.getLogger(__name__)
BATCH = 500
# After this many lost workers the step is taken for what kills them.
MAX_LOSSES = 3

GOING_ON = in_list([RunState.QUEUED, RunState.RUNNING, RunState.WAITING_APPROVAL])
STOPPABLE = in_list(state for state in RUN_LIVE if state != RunState.STOPPING)
PAUSABLE = in_list([RunState.QUEUED, RunState.RUNNING, RunState.PAUSED])

RING_AGAIN = f"""
UPDATE runs_steprun SET rung_at = now() WHERE (run_id, id) IN (
    SELECT run_id, id FROM runs_steprun
    WHERE state IN {CLAIMABLE} AND NOT held AND due_at <= now()
      AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %(again)s))
    ORDER BY rung_at NULLS FIRST, due_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) RETURNING id, run_id, queue, uses, slot_key
"""
LOST = """
SELECT id, run_id FROM runs_steprun WHERE state = 'running' AND lease_until < now() ORDER BY lease_until LIMIT %(batch)s
"""
LOCK_LOST = """
SELECT id, run_id AS run, attempt_no AS attempt, sent_at IS NOT NULL AS sent, losses, worker, cancel_requested
FROM runs_steprun
WHERE run_id = %(run)s AND id = %(id)s AND state = 'running' AND lease_until < now() FOR NO KEY UPDATE
"""
TAKE_BACK = """
WITH attempt AS (
    UPDATE runs_attempt SET state = 'lost', ended_at = clock_timestamp()
    WHERE run_id = %(run)s AND step_id = %(id)s AND number = %(attempt)s
)
UPDATE runs_steprun SET
    state = %(state)s, waits_for = %(waits_for)s, losses = %(losses)s, lease_until = NULL,
    due_at = now(), rung_at = now(), held = %(held)s,
    ended_at = CASE WHEN %(ended)s THEN clock_timestamp() END, error = COALESCE(%(error)s::jsonb, error)
WHERE run_id = %(run)s AND id = %(id)s
RETURNING id, key, index, state, slot_key, queue, losses, worker
"""
DUE_TIMERS = """
SELECT id, run_id, key, waits_for FROM runs_steprun
WHERE state = 'waiting' AND waits_for IN ('time', 'signal') AND due_at <= now() AND NOT held
ORDER BY due_at LIMIT %(batch)s
"""
OVERDUE_RUNS = f"""
SELECT id FROM runs_run
WHERE state IN {GOING_ON} AND deadline_at < now()
  AND pause_requested_at IS NULL AND attention_since IS NULL
LIMIT %(batch)s
"""
CHILDREN_ENDED = """
SELECT step.id, step.run_id
FROM runs_steprun step JOIN runs_run child ON child.parent_run_id = step.run_id AND child.parent_step_id = step.id
WHERE step.waits_for = 'child' AND child.ended_at < now() - interval '1 second'
LIMIT %(batch)s
"""
CHILDREN_TO_STOP = f"""
SELECT step.id, step.run_id FROM runs_run child JOIN runs_run run ON run.id = child.parent_run_id
    JOIN runs_steprun step ON step.run_id = child.parent_run_id AND step.id = child.parent_step_id
WHERE child.parent_step_id IS NOT NULL AND child.state IN {STOPPABLE}
  AND (run.stop_requested_at IS NOT NULL OR step.ended_at IS NOT NULL)
LIMIT %(batch)s
"""
CHILDREN_OUT_OF_STEP = f"""
SELECT step.id, step.run_id FROM runs_run child JOIN runs_run run ON run.id = child.parent_run_id
    JOIN runs_steprun step ON step.run_id = child.parent_run_id AND step.id = child.parent_step_id
WHERE child.parent_step_id IS NOT NULL AND child.state IN {PAUSABLE}
  AND run.ended_at IS NULL AND run.stop_requested_at IS NULL AND (
    (run.pause_requested_at IS NOT NULL AND child.pause_requested_at IS NULL)
    OR (run.pause_requested_at IS NULL AND child.pause_cause = 'parent' AND NOT EXISTS (
        SELECT FROM runs_steprun asked WHERE asked.run_id = child.id AND asked.state = 'needs_review')))
LIMIT %(batch)s
"""
# Of steps that were given up before; an index holds only these and those that are about to be counted.
CHILDREN_UNCOUNTED = """
SELECT step.id, step.run_id FROM runs_run child
    JOIN runs_steprun step ON step.run_id = child.parent_run_id AND step.id = child.parent_step_id
WHERE child.parent_step_id IS NOT NULL AND child.ended_at IS NOT NULL AND NOT child.is_counted
  AND child.ended_at < now() - interval '1 second' AND step.ended_at IS NOT NULL
LIMIT %(batch)s
"""
# Whoever waits for a run that needs attention does so too, and no longer than it does.
PARENTS_OUT_OF_STEP = f"""
SELECT step.id, step.run_id FROM runs_run child JOIN runs_run run ON run.id = child.parent_run_id
    JOIN runs_steprun step ON step.run_id = child.parent_run_id AND step.id = child.parent_step_id
WHERE child.attention_since IS NOT NULL AND step.waits_for = 'child' AND run.people_steps = 0
  AND run.stop_requested_at IS NULL
UNION ALL
SELECT step.id, step.run_id FROM runs_run run JOIN runs_steprun step ON step.run_id = run.id
WHERE run.people_steps > 0 AND step.waits_for = 'child' AND run.people_steps <> ({PEOPLE_STEPS_OF_RUN})
LIMIT %(batch)s
"""
LOST_MESSAGE = "Its worker {worker} was lost {losses} times, so this step is not tried again."
UNKNOWN_MESSAGE = "Its worker, or our database, was lost after the call had left. It may have taken effect."


def each(handle: Callable[[Row], object], rows: list[Row]) -> int:
    """`handle` every row. One that breaks, whatever the reason, must not keep the sweep from all the others."""
    done = 0
    for row in rows:
        try:
            done += handle(row) is not False
        except Exception as error:
            if is_away(error):
                raise
            logger.exception("The sweep cannot handle a row", extra={"action": "sweep_broke", "row": row})
    return done


def ring_again() -> int:
    """How many steps waited with no message for them; 0 also when the broker does not take them now."""
    rows = run_statement(RING_AGAIN, {"again": settings.ENGINE_RING_AGAIN_SECONDS, "batch": BATCH})
    # A broker that hangs costs seconds a message: after the first one, the rest waits for its next turn.
    return len(rows) if call_workers(bell_for(row["run_id"], row) for row in rows) else 0


def take_back_lost() -> int:
    """How many steps had a lease that was over."""
    return each(lambda row: take_back(row["id"], row["run_id"]), run_statement(LOST, {"batch": BATCH}))


def take_back(step_id: int, run_id: int) -> bool:
    """False when its worker came back meanwhile, or the run is gone."""
    with locked_run(run_id) as run:
        step = one(LOCK_LOST, {"run": run_id, "id": step_id})
        if run is None or step is None:
            return False
        # A worker that gave it back because the database was away left no name, and was not lost.
        step["losses"] += bool(step["worker"])
        state = state_after_loss(step)
        decided = {"state": state, "held": run.holds_steps, "error": as_json(loss_of(step, state)),
                   "waits_for": WaitsFor.REVIEW if state == StepState.NEEDS_REVIEW else "",
                   "ended": state in {StepState.CANCELLED, StepState.FAILED}}  # fmt: skip
        after_loss(run, run_statement(TAKE_BACK, step | decided)[0])
        return True


def state_after_loss(step: Row) -> str:
    """A step whose request may have left is never repeated by itself: a person decides."""
    if step["cancel_requested"]:
        return StepState.CANCELLED
    if step["sent"]:
        return StepState.NEEDS_REVIEW
    return StepState.FAILED if step["losses"] >= MAX_LOSSES else StepState.QUEUED


def loss_of(step: Row, state: str) -> dict[str, object] | None:
    """The step's error: `{type, message, context}`; None when it simply runs again."""
    if step["sent"]:
        return {"type": "outcome_unknown", "message": UNKNOWN_MESSAGE, "context": {"worker": step["worker"]}}
    if state != StepState.FAILED:
        return None
    message = LOST_MESSAGE.format(worker=step["worker"], losses=step["losses"])
    return {"type": "worker_lost", "message": message, "context": {"losses": step["losses"]}}


def after_loss(run: LockedRun, row: Row) -> None:
    """Say what became of it, free its slot, and let the run go on."""
    event = events.STEP_TAKEN_BACK if row["state"] == StepState.QUEUED else f"step.{row['state']}"
    run.emit(event, **described(row, row["state"]), losses=row["losses"], worker=row["worker"])
    give_slot_back(run, row)
    if row["state"] == StepState.QUEUED and not run.holds_steps:
        run.ring_for(row)
    elif row["state"] == StepState.NEEDS_REVIEW:
        pause_for_review(run, row)
    elif row["state"] in {StepState.FAILED, StepState.CANCELLED}:
        Advance(run).after(row)
    settle_pause(run)


def end_timers() -> int:
    """How many waiting steps came to their time."""
    return each(end_timer, run_statement(DUE_TIMERS, {"batch": BATCH}))


def end_timer(due: Row) -> bool:
    """A timer came, or a signal did not."""
    with locked_run(due["run_id"]) as run:
        if run is None:
            return False
        came = due["waits_for"] == WaitsFor.TIME
        ending = Ending(StepState.SUCCEEDED) if came else no_signal(run.plan.spec.step(due["key"]))
        row = settle_waiting(run, due["id"], due["waits_for"], ending, when_due=True)
        if row is not None:
            Advance(run).after(row)
        return row is not None


def no_signal(step: Step) -> Ending:
    message = f"No signal came within {step.timeout_seconds:,g} seconds."
    error = {"type": TimedOut.kind, "message": message, "stack": "", "context": {}, "stage": step.stage}
    return Ending(StepState.FAILED, error=error)


def time_out_runs() -> int:
    """How many runs were past their time limit."""
    return each(lambda row: time_out(row["id"]), run_statement(OVERDUE_RUNS, {"batch": BATCH}))


def time_out(run_id: int) -> bool:
    """Asks the run to stop; one that executes elsewhere counts as lost at once. False when it ended meanwhile."""
    with locked_run(run_id) as run:
        if run is None or not run.deadline_passed or run.stop_requested_at is not None or run.is_final:
            return False
        if run.trigger == Trigger.EXTERNAL:
            mark_lost(run)
        else:
            stop(run, actor="system", user=None, reason="The run's time limit was reached.")
        return True


def settle_children() -> int:
    """How many steps heard of the end of the run they started. Stops and pauses that got lost are repeated too."""
    each(lambda row: stop_child(row["id"], row["run_id"]), run_statement(CHILDREN_TO_STOP, {"batch": BATCH}))
    each(lambda row: follow_pause(row["id"], row["run_id"]), run_statement(CHILDREN_OUT_OF_STEP, {"batch": BATCH}))
    each(lambda row: follow_attention(row["id"], row["run_id"]), run_statement(PARENTS_OUT_OF_STEP, {"batch": BATCH}))
    ended = run_statement(CHILDREN_ENDED, {"batch": BATCH}) + run_statement(CHILDREN_UNCOUNTED, {"batch": BATCH})
    return each(lambda row: settle_child(row["id"], row["run_id"]), ended)


def recount_slots() -> int:
    """How many counters were wrong."""
    wrong = slots.recount()
    if wrong:
        logger.warning("Slot counters were corrected", extra={"action": "slots_recounted", "keys": wrong})
    return len(wrong)
