"""A bell rang: claim the step, carry it out outside any transaction, report; go on with what was taken along."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from django.db import DataError, connection

from controlplane.domain import expressions
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import DATABASE_AWAY, is_away
from controlplane.domain.failures import Cancelled, Failure, TimedOut
from runs.engine import outputs
from runs.engine.claim import Claimed, claim
from runs.engine.faults import fault
from runs.engine.finish import finish, finish_together
from runs.engine.leases import Lease, leases
from runs.engine.locked import as_json
from runs.engine.logs import LogBuffer
from runs.engine.outcome import Outcome
from runs.engine.sql import run_statement
from runs.executors import executor_of
from runs.executors.context import StepContext

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
# A restart of PostgreSQL takes seconds; after this the lease is long over and somebody else decides.
PATIENCE_SECONDS = 60
DEFAULT_TIMEOUT_SECONDS = 3600

SHOW_REQUEST = """
UPDATE runs_steprun SET request = %(request)s::jsonb
WHERE run_id = %(run)s AND id = %(step)s AND attempt_no = %(attempt)s AND state = 'running' AND request IS NULL
"""
GIVE_UP = """
UPDATE runs_steprun SET lease_until = now(), worker = ''
WHERE run_id = %(run)s AND id = %(step)s AND attempt_no = %(attempt)s AND state = 'running'
"""


def work(step_id: int, run_id: int | None = None) -> None:
    """Everything a worker does for one bell."""
    claimed = patiently(lambda: claim(step_id, leases.worker, run_id))
    while claimed is not None:
        fault("claim.after_commit")
        claimed = execute_claimed(claimed)


def execute_claimed(claimed: Claimed) -> Claimed | None:
    """One attempt from start to report. Returns the step that this worker took along, if any."""
    with held(claimed) as context:
        try:
            outcome = attempt(context)
            fault("record.before_commit")
            patiently(context.log_buffer.flush)
            following = report(context, outcome)
        except DATABASE_AWAY as error:
            give_up(claimed, error)
            return None
        fault("record.after_commit")
        return following


def execute_together(claimed: Iterable[Claimed]) -> list[Claimed]:
    """Attempts that are done in a moment, one after the other, and one report of all. Returns what was taken along."""
    with ExitStack() as stack:
        contexts = [stack.enter_context(held(one)) for one in claimed]
        try:
            ended = [(context, attempt(context)) for context in contexts]
            fault("record.before_commit")
            for context in contexts:
                patiently(context.log_buffer.flush)
            following = report_together(ended)
        except DATABASE_AWAY as error:
            for context in contexts:
                give_up(context.claimed, error)
            return []
        fault("record.after_commit")
        return following


@contextmanager
def held(claimed: Claimed) -> Iterator[StepContext]:
    """The step's context; its lease is extended meanwhile."""
    token = CancelToken(timeout_seconds=claimed.step.timeout_seconds or DEFAULT_TIMEOUT_SECONDS, whose="step")
    log = LogBuffer(run_id=claimed.run_id, step_id=claimed.id, attempt_no=claimed.attempt_no)
    context = StepContext(claimed=claimed, request=None, token=token, log_buffer=log)
    lease = Lease(
        claimed, token, log, abandon=lambda: finish(claimed, overstayed(context), take_next=False),
        show=lambda: show_request(context),
    )  # fmt: skip
    leases.hold(lease)
    try:
        yield context
    finally:
        leases.drop(lease)


def report_together(ended: list[tuple[StepContext, Outcome]]) -> list[Claimed]:
    """All in one commit; one by one when that fails, so that one that cannot be stored takes no others along."""
    try:
        return patiently(lambda: finish_together([(context.claimed, outcome) for context, outcome in ended]))
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("Steps are reported one by one", extra={"action": "group_broken", "steps": len(ended)})
    alone = [report(context, outcome, only_instant=True) for context, outcome in ended]
    return [claimed for claimed in alone if claimed is not None]


def report(context: StepContext, outcome: Outcome, *, only_instant: bool = False) -> Claimed | None:
    """As `finish`. An outcome that PostgreSQL refuses to store fails the step as `not_storable`."""
    claimed = context.claimed
    try:
        return patiently(lambda: finish(claimed, outcome, only_instant=only_instant))
    except DataError:
        logger.exception("An outcome cannot be stored", extra={"action": "outcome_refused", "step": claimed.id})
        failure = Failure("The outcome holds something that cannot be stored.", kind="not_storable", retryable=False)
        refused = Outcome("failed", failure=failure, unknown=context.marked)
        return patiently(lambda: finish(claimed, refused))


def give_up(claimed: Claimed, error: Exception) -> None:
    """Our own database went away under the work, so nobody can tell how it ended: let the sweep decide now.

    Without a worker's name it does not count as the loss of one.
    """
    logger.warning("An attempt lost the database", extra={"action": "attempt_given_up", "step": claimed.id,
                                                          "error": str(error)})  # fmt: skip
    patiently(lambda: run_statement(GIVE_UP, claimed.key_of_attempt))


def attempt(context: StepContext) -> Outcome:
    """What the executor made of it; every failure but that of our own database becomes a typed outcome."""
    claimed = context.claimed
    try:
        context.request = render_request(claimed)
        outcome = executor_of(claimed.step.kind)(context)
        fault("tool.after_response")
        return with_stored_output(context, outcome)
    except Failure as failure:
        return failed(failure, context)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("An executor broke", extra={"action": "executor_broke", "step": claimed.id})
        kind = type(error).__name__
        broken = Failure(f"{kind}: {error}", kind=kind, acted=context.marked)
        return failed(broken, context, stack=traceback.format_exc(limit=20))


def render_request(claimed: Claimed) -> object:
    """The step's `with`, rendered with the inputs and the outputs it reads."""
    steps = outputs.load_steps(claimed.run_id, claimed.plan.read_by_request(claimed.step))
    context: dict[str, Any] = {"params": claimed.inputs, "steps": steps, "run": claimed.facts()}
    if claimed.index is not None:
        context |= {"item": claimed.item, "index": claimed.index}
    return expressions.render(claimed.step.with_, context)


def show_request(context: StepContext) -> None:
    """While it runs; when it ends, what really left takes this place."""
    claimed = context.claimed
    run_statement(SHOW_REQUEST, claimed.key_of_attempt | {"request": as_json(context.request)})


def with_stored_output(context: StepContext, outcome: Outcome) -> Outcome:
    """Large outputs become a reference to a file. Raises StorageFailure."""
    claimed = context.claimed
    ids = {"run_id": claimed.run_id, "step_id": claimed.id, "attempt_no": claimed.attempt_no}
    try:
        return replace(outcome, output=outputs.store(outcome.output, **ids))
    except outputs.StorageFailure as failure:
        failure.acted = context.marked
        raise


def failed(failure: Failure, context: StepContext, stack: str = "") -> Outcome:
    """A cancelled token wins over the error that the interruption caused."""
    token, known, unknown = context.token, failure.context, context.marked and failure.leaves_doubt
    stack = stack or known.pop("stack", "")
    spent: dict[str, Any] = {
        "cost": Decimal(str(known.get("cost_usd", 0))),
        "input_tokens": int(known.get("input_tokens", 0)),
        "output_tokens": int(known.get("output_tokens", 0)),
    }
    if token.cancelled:
        failure = Cancelled(f"The work was stopped: {token.reason}.", acted=failure.acted, **known)
        return Outcome("cancelled", failure=failure, request=context.request, stack=stack, unknown=unknown, **spent)
    if token.remaining() == 0 and not isinstance(failure, TimedOut):
        message = f"The time limit was reached: {token.limit}. {failure.message}"
        failure = TimedOut(message, acted=failure.acted, **known)
    return Outcome("failed", failure=failure, request=context.request, stack=stack, unknown=unknown, **spent)


def overstayed(context: StepContext) -> Outcome:
    """For work that did not end at its time limit or when it was cancelled. Another attempt would only add to it."""
    if context.token.cancelled:
        failure: Failure = Cancelled(f"The work was stopped: {context.token.reason}. It did not heed it.", acted=True)
        return Outcome("cancelled", failure=failure, request=context.request, unknown=context.marked)
    message = f"The time limit was reached: {context.token.limit}. The work did not heed it."
    failure = TimedOut(message, retryable=False, acted=True)
    return Outcome("failed", failure=failure, request=context.request, unknown=context.marked)


def patiently(attempt_it: Callable[[], Answer]) -> Answer:
    """Try again while the database is away, so that a finished step is not lost to a restart of PostgreSQL."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
    while True:
        try:
            return attempt_it()
        except DATABASE_AWAY as error:
            action = "database_away" if is_away(error) else "statement_refused"
            if is_away(error):
                connection.close()
            if time.monotonic() > deadline:
                raise
            logger.warning("Trying again what the database did not do", extra={"action": action, "error": str(error)})
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
