"""A bell rang: claim the step, carry it out outside any transaction, report; go on with what was taken along."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from psycopg_pool import PoolTimeout

from controlplane.domain import expressions
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure, TimedOut
from runs.engine import outputs
from runs.engine.claim import Claimed, claim
from runs.engine.faults import fault
from runs.engine.finish import Outcome, finish
from runs.engine.leases import Lease, leases
from runs.engine.logs import LogBuffer
from runs.executors import EXECUTORS
from runs.executors.context import StepContext

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# A restart of PostgreSQL takes seconds; after this the lease is long over and somebody else decides.
PATIENCE_SECONDS = 60
DEFAULT_TIMEOUT_SECONDS = 3600
# While these wait for somebody else, their connection serves other threads.
WAITS_OUTSIDE = {"agent", "query", "tool"}


def work(step_id: int) -> None:
    """Everything a worker does for one bell."""
    claimed = patiently(lambda: claim(step_id, leases.worker))
    while claimed is not None:
        fault("claim.after_commit")
        claimed = carry_out(claimed)


def carry_out(claimed: Claimed) -> Claimed | None:
    """One attempt from start to report. Returns the step that this worker took along, if any."""
    token = CancelToken(timeout_seconds=claimed.step.timeout_seconds or DEFAULT_TIMEOUT_SECONDS)
    log = LogBuffer(run_id=claimed.run_id, step_id=claimed.id, attempt_no=claimed.attempt_no)
    lease = Lease(claimed, token, log)
    leases.hold(lease)
    try:
        outcome = attempt(claimed, token, log)
        fault("record.before_commit")
        patiently(log.flush)
        following = patiently(lambda: finish(claimed, outcome))
        fault("record.after_commit")
        return following
    finally:
        leases.drop(claimed)


def attempt(claimed: Claimed, token: CancelToken, log: LogBuffer) -> Outcome:
    """What the executor made of it; every failure becomes a typed outcome."""
    request = None
    try:
        request = render_request(claimed)
        context = StepContext(claimed=claimed, request=request, token=token, log_buffer=log)
        if claimed.step.kind in WAITS_OUTSIDE:
            connection.close()
        outcome = EXECUTORS[claimed.step.kind](context)
        return kept(claimed, outcome)
    except Failure as failure:
        return failed(failure, token, request)
    except DATABASE_AWAY as error:
        return failed(Failure(f"The database went away: {error}", kind="database_away"), token, request)
    except Exception as error:
        logger.exception("An executor broke", extra={"action": "executor_broke", "step": claimed.id})
        failure = Failure(f"{type(error).__name__}: {error}", kind=type(error).__name__, retryable=True)
        return failed(failure, token, request, stack=traceback.format_exc(limit=20))


def render_request(claimed: Claimed) -> object:
    """The step's `with`, rendered with the inputs and the outputs it reads."""
    steps = outputs.load_steps(claimed.run_id, claimed.plan.read_by_request(claimed.step))
    context = {"params": claimed.inputs, "steps": steps, "run": claimed.facts()}
    if claimed.index is not None:
        context |= {"item": claimed.item, "index": claimed.index}
    return expressions.render(claimed.step.with_, context)


def kept(claimed: Claimed, outcome: Outcome) -> Outcome:
    ids = {"run_id": claimed.run_id, "step_id": claimed.id, "attempt_no": claimed.attempt_no}
    return Outcome(**{**outcome.__dict__, "output": outputs.store(outcome.output, **ids)})


def failed(failure: Failure, token: CancelToken, request: object, stack: str = "") -> Outcome:
    """A cancelled token wins over the error that the interruption caused."""
    context = failure.context
    spent = {
        "cost": Decimal(str(context.get("cost_usd", 0))),
        "input_tokens": int(context.get("input_tokens", 0)),
        "output_tokens": int(context.get("output_tokens", 0)),
    }
    if token.cancelled:
        failure = Cancelled(f"The work was stopped: {token.reason}.", **context)
        return Outcome("cancelled", failure=failure, request=request, **spent)
    if token.remaining() == 0 and not isinstance(failure, TimedOut):
        failure = TimedOut(f"The time limit was reached. {failure.message}", **context)
    return Outcome("failed", failure=failure, request=request, stack=stack, **spent)


def patiently(attempt_it: Callable[[], Answer]) -> Answer:
    """Try again while the database is away, so that a finished step is not lost to a restart of PostgreSQL."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
    while True:
        try:
            return attempt_it()
        except DATABASE_AWAY as error:
            connection.close()
            if time.monotonic() > deadline:
                raise
            logger.warning("Waiting for the database", extra={"action": "database_away", "error": str(error)})
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
