"""Every call of a tool or an agent that ended becomes one row: what usage figures are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runs.engine.claim import Claimed
from runs.engine.outcome import Outcome
from runs.engine.sql import run_statement

LONGEST_OUTCOME = 63

# Nothing is written for what was deleted meanwhile.
OF_STEP = """
INSERT INTO runs_call (tool_id, agent_id, caller_id, run_id, workflow_id, ended_at, duration_ms, outcome, cost_usd,
                       input_tokens, output_tokens)
SELECT CASE WHEN %(kind)s::text = 'tool' THEN called.id END, CASE WHEN %(kind)s::text = 'agent' THEN called.id END,
       NULL, %(run)s, %(workflow)s, attempt.ended_at,
       GREATEST(0, extract(epoch FROM attempt.ended_at - attempt.started_at) * 1000)::int,
       %(outcome)s, %(cost)s, %(input_tokens)s, %(output_tokens)s
FROM runs_attempt attempt, (
    SELECT id FROM agents_tool WHERE %(kind)s::text = 'tool' AND project_id = %(project)s AND name = %(name)s
    UNION ALL
    SELECT id FROM agents_agent WHERE %(kind)s::text = 'agent' AND project_id = %(project)s AND name = %(name)s
) called
WHERE attempt.step_id = %(step)s AND attempt.number = %(attempt)s
"""
OF_MODEL = """
INSERT INTO runs_call (tool_id, agent_id, caller_id, run_id, workflow_id, ended_at, duration_ms, outcome, cost_usd,
                       input_tokens, output_tokens)
SELECT tool.id, NULL, agent.id, %(run)s, %(workflow)s, clock_timestamp(), made.duration_ms, made.outcome,
       made.cost_usd, 0, 0
FROM unnest(%(tools)s::text[], %(durations)s::int[], %(outcomes)s::text[], %(costs)s::numeric[])
        AS made (name, duration_ms, outcome, cost_usd)
    JOIN agents_tool tool ON tool.project_id = %(project)s AND tool.name = made.name
    JOIN agents_agent agent ON agent.project_id = %(project)s AND agent.name = %(name)s
"""


def count_call(claimed: Claimed, outcome: Outcome) -> None:
    """The attempt that has just been recorded, if it called a tool or an agent, and what a model called meanwhile."""
    kind, _, name = claimed.uses.partition(":")
    if kind not in {"tool", "agent"} or not name:
        return
    facts = {
        "run": claimed.run_id, "workflow": claimed.workflow_id, "project": claimed.project_id, "name": name,
    }  # fmt: skip
    made = calls_of_model(outcome) if kind == "agent" else ()
    ended = {
        "kind": kind, "step": claimed.id, "attempt": claimed.attempt_no,
        "cost": outcome.cost, "outcome": word_for(outcome),
        "input_tokens": outcome.input_tokens, "output_tokens": outcome.output_tokens,
    }  # fmt: skip
    run_statement(OF_STEP, facts | ended)
    if made:
        run_statement(OF_MODEL, facts | as_columns(made))


def word_for(outcome: Outcome) -> str:
    return outcome.failure.kind[:LONGEST_OUTCOME] if outcome.failure else outcome.state


def calls_of_model(outcome: Outcome) -> Sequence[Mapping[str, Any]]:
    """What `agents.calls.model_tools.ToolBox` noted."""
    return outcome.failure.context.get("tool_calls", ()) if outcome.failure else outcome.calls


def as_columns(calls: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {
        "tools": [call["tool"] for call in calls],
        "durations": [call["duration_ms"] for call in calls],
        "outcomes": [call["outcome"][:LONGEST_OUTCOME] for call in calls],
        "costs": [call["cost_usd"] for call in calls],
    }
