"""`workflow:NAME`: start a child run once and wait for it. Its end settles this step (`runs/engine/children.py`)."""

from __future__ import annotations

from runs.engine.children import start_child
from runs.engine.finish import Outcome
from runs.executors.context import StepContext


def execute(context: StepContext) -> Outcome:
    child = start_child(context.claimed, context.target, (context.request or {}).get("inputs") or {})
    context.log("info", f"Started run {child.pk} of {context.target}.")
    return Outcome("waiting", request=context.request)
