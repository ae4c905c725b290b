"""A worker reports: the fenced write, the graph, and perhaps the next step for the same worker, in one commit."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from controlplane.domain.queueing import enqueue
from runs import events
from runs.engine import slots
from runs.engine.advance import FAILURES, Advance
from runs.engine.calls import count_call
from runs.engine.claim import Claimed
from runs.engine.faults import fault
from runs.engine.locked import LockedRun, as_json, described, locked_run, locked_runs
from runs.engine.outcome import Outcome
from runs.engine.pausing import pause_for_review, settle_pause
from runs.engine.sql import Row, one, run_each
from runs.models import StepState, WaitsFor

logger = logging.getLogger(__name__)

RECORD = """
WITH step AS (
    UPDATE runs_steprun SET
        state = %(state)s, waits_for = %(waits_for)s,
        output = %(output)s::jsonb, error = %(error)s::jsonb, request = %(request)s::jsonb,
        cost_usd = cost_usd + %(cost)s, input_tokens = input_tokens + %(input_tokens)s,
        output_tokens = output_tokens + %(output_tokens)s, lease_until = NULL, cancel_requested = false,
        due_at = CASE WHEN %(delay)s::float IS NULL THEN NULL ELSE now() + make_interval(secs => %(delay)s) END,
        rung_at = NULL, held = %(held)s,
        ended_at = CASE WHEN %(ended)s THEN clock_timestamp() END
    WHERE run_id = %(run)s AND id = %(step)s AND attempt_no = %(attempt)s AND state = 'running'
    RETURNING id, key, index, state, slot_key, queue
), attempt AS (
    UPDATE runs_attempt SET state = %(result)s, ended_at = clock_timestamp(), error = %(error)s::jsonb
    WHERE run_id = %(run)s AND step_id IN (SELECT id FROM step) AND number = %(attempt)s
)
SELECT * FROM step
"""
MARK_SENT = """
UPDATE runs_steprun SET sent_at = now()
WHERE run_id = %(run)s AND id = %(step)s AND attempt_no = %(attempt)s AND state = 'running' AND NOT cancel_requested
RETURNING id
"""
ENDED = (StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED)
MAY_HAVE_ACTED = "The call had left, so it may have taken effect."
# A server that asks for more is not waited for that long; a person may start the run again.
LONGEST_ASKED_SECONDS = 3600.0


def finish(claimed: Claimed, outcome: Outcome, *, take_next: bool = True, only_instant: bool = False) -> Claimed | None:
    """Record `outcome` unless somebody took the step over. Returns the next step when this worker took it along."""
    with locked_run(claimed.run_id) as run:
        if run is None:
            return None
        report = Report(run, claimed, outcome, *next_state(run, claimed, outcome))
        row, worker = one(RECORD, parameters_of(report)), claimed.worker if take_next else ""
        return go_on(report, row, worker=worker, only_instant=only_instant)


def finish_together(ended: Iterable[tuple[Claimed, Outcome]]) -> list[Claimed]:
    """The same with several steps, of one run or of many, in one commit. Returns what follows and is done in a moment.

    None of them holds a slot: those are locked after the run, and two groups could wait for each other.
    """
    ended = list(ended)
    with locked_runs({claimed.run_id for claimed, _ in ended}) as runs:
        found = [(runs[claimed.run_id], claimed, outcome) for claimed, outcome in ended if claimed.run_id in runs]
        reports = [Report(run, claimed, outcome, *next_state(run, claimed, outcome)) for run, claimed, outcome in found]
        recorded = run_each(RECORD, [parameters_of(report) for report in reports])
        fault("group.between")
        look_up_failures([report for report, rows in zip(reports, recorded, strict=True) if rows])
        following = [
            go_on(report, rows[0] if rows else None, worker=report.claimed.worker, only_instant=True)
            for report, rows in zip(reports, recorded, strict=True)
        ]
    return [claimed for claimed in following if claimed is not None]


@dataclass(frozen=True)
class Report:
    """How an attempt ended, in its locked run. The step comes to `state`, due again in `delay` seconds if any."""

    run: LockedRun
    claimed: Claimed
    outcome: Outcome
    state: str
    delay: float | None


def go_on(report: Report, row: Row | None, *, worker: str, only_instant: bool = False) -> Claimed | None:
    """Everything that follows from the recorded attempt; `row` is None when somebody else has the step by now."""
    run, claimed, outcome, state = report.run, report.claimed, report.outcome, report.state
    if row is None:
        report_late(run, claimed, outcome)
        return None
    tell(report, row)
    run.add_spent(outcome.cost, outcome.input_tokens, outcome.output_tokens)
    count_call(claimed, outcome)
    give_slot_back(run, row)
    advance = Advance(run, worker=worker, queue=row["queue"], only_instant=only_instant)
    if state in ENDED:
        advance.after(row)
    elif state == StepState.NEEDS_REVIEW:
        pause_for_review(run, row)
    elif outcome.waits_for == WaitsFor.CHILD:
        follow_child(run, row)
    settle_pause(run)
    return replace(claimed, **advance.taken) if advance.taken else None


def look_up_failures(reports: list[Report]) -> None:
    """For the runs that this was the last step of, all at once."""
    closing = [report.run for report in reports if report.state in ENDED and report.run.open_steps == 1]
    for run, failures in zip(closing, run_each(FAILURES, [{"run": run.id} for run in closing]), strict=True):
        run.failures = failures


def next_state(run: LockedRun, claimed: Claimed, outcome: Outcome) -> tuple[str, float | None]:
    """The step's state after this attempt, and in how many seconds it is due again (None: not by time)."""
    if outcome.waits_for == WaitsFor.CHILD:
        return StepState.WAITING, None
    if run.stop_requested_at is not None:
        return (StepState.SUCCEEDED if outcome.state == StepState.SUCCEEDED else StepState.CANCELLED), None
    if outcome.state == StepState.FAILED and outcome.unknown:
        return StepState.NEEDS_REVIEW, None
    if outcome.state == StepState.FAILED and may_retry(claimed, outcome):
        return StepState.RETRYING, pause_before(claimed, outcome)
    return outcome.state, outcome.wait_seconds


def pause_before(claimed: Claimed, outcome: Outcome) -> float:
    """Seconds until the next attempt: the backoff, spread out, or longer when the other side asks for it."""
    wait = claimed.step.retry.delay(claimed.attempt_no)
    asked = outcome.failure.context.get("retry_after") if outcome.failure else None
    jittered = random.uniform(wait / 2, wait)  # noqa: S311 - spreads retries, guards nothing
    return max(jittered, min(float(asked or 0), LONGEST_ASKED_SECONDS))


def follow_child(run: LockedRun, row: Row) -> None:
    """The child may have ended before its parent's step waited for it, and a stop may have come meanwhile."""
    task = "settle_child" if run.stop_requested_at is None else "stop_child"
    enqueue(f"runs.tasks.{task}", row["id"], run.id)
    if run.pause_requested_at is not None:
        enqueue("runs.tasks.follow_pause", row["id"], run.id)


def may_retry(claimed: Claimed, outcome: Outcome) -> bool:
    """Attempts are counted from 1, the first one included."""
    failure = outcome.failure
    return failure is not None and failure.retryable and claimed.attempt_no < claimed.step.retry.max_attempts


def parameters_of(report: Report) -> dict[str, Any]:
    """Of RECORD."""
    run, claimed, outcome, state = report.run, report.claimed, report.outcome, report.state
    return {
        **claimed.key_of_attempt, "state": state, "delay": report.delay,
        "held": run.holds_steps and state in {StepState.RETRYING, StepState.WAITING},
        "waits_for": what_for(state, outcome), "output": as_json(outcome.output),
        "error": as_json(error_of(outcome, claimed)), "request": as_json(outcome.request),
        "cost": outcome.cost, "input_tokens": outcome.input_tokens, "output_tokens": outcome.output_tokens,
        "ended": state in ENDED,
        "result": "failed" if state in {StepState.RETRYING, StepState.NEEDS_REVIEW} else state,
    }  # fmt: skip


def tell(report: Report, row: Row) -> None:
    state, outcome = report.state, report.outcome
    more: dict[str, Any] = {"attempt": report.claimed.attempt_no}
    if error := error_of(outcome, report.claimed):
        more["error"] = {"type": error["type"], "message": error["message"]}
    if state == StepState.WAITING:
        more["waits_for"] = outcome.waits_for
    if report.delay is not None:
        more["due_in_seconds"] = round(report.delay, 3)
    report.run.emit(f"step.{state}", **described(row, state), **more)


def what_for(state: str, outcome: Outcome) -> str:
    """`waits_for` of the row: empty unless the step waits, or is reviewed."""
    return (
        WaitsFor.REVIEW if state == StepState.NEEDS_REVIEW else outcome.waits_for if state == StepState.WAITING else ""
    )


def error_of(outcome: Outcome, claimed: Claimed) -> dict[str, Any] | None:
    """The wire form: {"type", "message", "stack", "context", "stage"}."""
    failure = outcome.failure
    if failure is None:
        return None
    doubt = {"may_have_taken_effect": True} if outcome.unknown else {}
    return {
        "type": failure.kind,
        "message": f"{failure.message} {MAY_HAVE_ACTED}" if doubt else failure.message,
        "stack": outcome.stack,
        "context": failure.context | doubt,
        "stage": claimed.step.stage,
    }


def report_late(run: LockedRun, claimed: Claimed, outcome: Outcome) -> None:
    """The attempt is not the step's own any more: an event says so, and nothing else changes."""
    facts: dict[str, Any] = {
        "step": claimed.key,
        "index": claimed.index,
        "id": claimed.id,
        "attempt": claimed.attempt_no,
    }
    run.emit(events.STEP_LATE_RESULT, **facts, result=outcome.state)
    logger.warning("A late result was refused", extra={"action": "late_result", "run": run.id, **facts})


def give_slot_back(run: LockedRun, row: Row) -> None:
    """Whoever waited longest for the place is rung for after commit."""
    if row["slot_key"]:
        following = slots.give_back(row["slot_key"])
        if following:
            run.rings.append(following)


def mark_sent(claimed: Claimed) -> bool:
    """Committed before a call that must not be repeated leaves. False: the step is not ours any more."""
    return one(MARK_SENT, claimed.key_of_attempt) is not None
