"""`agent:NAME`: hand the request to an agent, with the tools it may use as they were when the run started."""

from __future__ import annotations

from agents.calls.agents import call_agent
from agents.calls.tools import may_repeat
from agents.models import Revision
from runs.engine.outcome import Outcome
from runs.executors.context import StepContext
from runs.executors.tool import pinned_snapshot


def execute(context: StepContext) -> Outcome:
    snapshot = pinned_snapshot(context, "agents", context.target)
    names = snapshot.get("config", {}).get("tools", [])
    pins = {name: context.claimed.pins["tools"].get(name) for name in names}
    revisions = Revision.objects.in_bulk([pk for pk in pins.values() if pk])
    tools = {name: revisions[pk].snapshot for name, pk in pins.items() if pk in revisions}
    repeatable = all(may_repeat(used) for used in (snapshot, *tools.values()))
    answer = call_agent(snapshot, context.request or {}, context.call_context(repeatable=repeatable), tools)
    return Outcome(
        "succeeded",
        output=answer.output,
        request=answer.request,
        cost=answer.cost_usd,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        calls=answer.request["tool_calls"] if snapshot["kind"] == "llm" else (),
    )
