"""`wait`: `seconds`, or `until` a time (RFC 3339). No worker is held meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.domain.failures import Misconfigured
from runs.engine.finish import Outcome
from runs.executors.context import StepContext

LONGEST_SECONDS = 366 * 86400


def execute(context: StepContext) -> Outcome:
    seconds = seconds_to_wait(context.request or {})
    if not seconds < LONGEST_SECONDS:
        raise Misconfigured(f"A step waits {LONGEST_SECONDS // 86400} days at most.")
    if seconds <= 0:
        return Outcome("succeeded", request=context.request)
    return Outcome("waiting", request=context.request, wait_seconds=seconds)


def seconds_to_wait(request: dict) -> float:
    try:
        if "until" in request:
            until = datetime.fromisoformat(str(request["until"]))
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            return (until - datetime.now(UTC)).total_seconds()
        return float(request.get("seconds", 0))
    except (TypeError, ValueError) as error:
        raise Misconfigured(f"wait needs seconds as a number or until as a time: {error}.") from error
