"""`wait`: `seconds`, or `until` a time (RFC 3339). No worker is held meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.domain.failures import Misconfigured
from runs.engine.outcome import Outcome
from runs.engine.sql import the_one
from runs.executors.context import StepContext
from runs.models import WaitsFor
from workflows.kinds.wait import MAX_DAYS, MAX_SECONDS
from workflows.specification.language import Step

UNTIL = "SELECT extract(epoch FROM %(moment)s::timestamptz - clock_timestamp())::float AS seconds"


def execute(context: StepContext) -> Outcome:
    return opening(context.claimed.step, context.request)


def opening(step: Step, request: Any) -> Outcome:
    seconds = seconds_to_wait(request or {})
    if not seconds < MAX_SECONDS:
        raise Misconfigured(f"A step waits {MAX_DAYS} days at most.")
    if seconds <= 0:
        return Outcome("succeeded", request=request, waits_for=WaitsFor.TIME)
    return Outcome("waiting", request=request, waits_for=WaitsFor.TIME, wait_seconds=seconds)


def seconds_to_wait(request: dict) -> float:
    try:
        if "until" in request:
            return seconds_until(datetime.fromisoformat(str(request["until"])))
        return float(request.get("seconds", 0))
    except (TypeError, ValueError) as error:
        raise Misconfigured(f"wait needs seconds as a number or until as a time: {error}.") from error


def seconds_until(moment: datetime) -> float:
    """By the database's clock, which also decides when the step is due. Below zero when it has passed."""
    if moment.tzinfo is None:
        raise Misconfigured(f"until needs a time with its zone, such as {moment.isoformat()}Z.")
    return the_one(UNTIL, {"moment": moment})["seconds"]
