"""`workflow:NAME`: start a child run once and wait for it. Its end settles this step (`runs/engine/children.py`)."""

from __future__ import annotations

from runs.engine.children import start_child
from runs.engine.outcome import Outcome
from runs.executors.context import StepContext
from runs.models import WaitsFor


def execute(context: StepContext) -> Outcome:
    inputs = (context.request or {}).get("inputs")
    child = start_child(context.claimed, context.target, {} if inputs is None else inputs)
    context.log("info", f"Started run {child.pk} of {context.target}.")
    return Outcome("waiting", request=context.request, waits_for=WaitsFor.CHILD)
