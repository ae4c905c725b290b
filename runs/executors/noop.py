"""`noop`: does nothing and hands its request on."""

from __future__ import annotations

from runs.engine.outcome import Outcome
from runs.executors.context import StepContext


def execute(context: StepContext) -> Outcome:
    return Outcome("succeeded", output=context.request or None)
