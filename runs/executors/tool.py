"""`tool:NAME`: one call of a tool, as it was configured when the run started."""

from __future__ import annotations

from agents.calls.tools import call_tool, may_repeat
from agents.models import Revision
from controlplane.domain.failures import Misconfigured
from runs.engine.outcome import Outcome
from runs.executors.context import StepContext


def execute(context: StepContext) -> Outcome:
    snapshot = pinned_snapshot(context, "tools", context.target)
    answer = call_tool(snapshot, context.request or {}, context.call_context(repeatable=may_repeat(snapshot)))
    return Outcome(
        "succeeded",
        output=answer.output,
        request=answer.request,
        cost=answer.cost_usd,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
    )


def pinned_snapshot(context: StepContext, group: str, name: str) -> dict:
    """The configuration that the run pinned."""
    revision = Revision.objects.filter(pk=context.claimed.pins.get(group, {}).get(name)).first()
    if revision is None:
        raise Misconfigured(f"“{name}” was deleted after this run started.")
    return revision.snapshot
