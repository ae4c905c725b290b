"""`signal`: until somebody sends it (`runs.actions.send_signal`), for `timeout_seconds` of the step at most."""

from __future__ import annotations

from typing import Any

from runs.engine.outcome import Outcome
from runs.executors.context import StepContext
from runs.models import WaitsFor
from workflows.specification.language import Step


def execute(context: StepContext) -> Outcome:
    return opening(context.claimed.step, context.request)


def opening(step: Step, request: Any) -> Outcome:
    return Outcome("waiting", request=request, waits_for=WaitsFor.SIGNAL, wait_seconds=step.timeout_seconds)
