"""Every call of a tool, an agent or an instance that ended becomes one row: what usage figures are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runs.engine.claim import Claimed
from runs.engine.outcome import Outcome
from runs.engine.sql import run_statement
from runs.models import Trigger

LONGEST_OUTCOME = 63

# Nothing is written for what was deleted meanwhile. The run's pins know the model of an agent and the instance of an
# SQL tool.
OF_STEP = """
INSERT INTO runs_call (tool_id, agent_id, instance_id, run_id, workflow_id, environment, is_test, model, ended_at,
                       duration_ms, outcome, cost_usd, input_tokens, output_tokens)
SELECT called.tool, called.agent, instance.id, %(run)s, %(workflow)s, %(environment)s, %(is_test)s,
       COALESCE(left(pinned.snapshot #>> '{config,model}', 200), ''), attempt.ended_at,
       GREATEST(0, extract(epoch FROM attempt.ended_at - attempt.started_at) * 1000)::int,
       %(outcome)s, %(cost)s, %(input_tokens)s, %(output_tokens)s
FROM runs_attempt attempt CROSS JOIN (
    SELECT id AS tool, NULL::bigint AS agent FROM agents_tool
    WHERE %(kind)s::text = 'tool' AND project_id = %(project)s AND name = %(name)s
    UNION ALL
    SELECT NULL, id FROM agents_agent
    WHERE %(kind)s::text = 'agent' AND project_id = %(project)s AND name = %(name)s
    UNION ALL
    SELECT NULL, NULL WHERE %(kind)s::text = 'query'
) called
    LEFT JOIN agents_revision pinned ON pinned.id = %(revision)s
    LEFT JOIN agents_instance instance ON instance.project_id = %(project)s
        AND instance.name = COALESCE(%(instance)s::text, pinned.snapshot #>> '{config,instance}')
WHERE attempt.run_id = %(run)s AND attempt.step_id = %(step)s AND attempt.number = %(attempt)s
  AND (%(kind)s::text <> 'query' OR instance.id IS NOT NULL)
"""
OF_MODEL = """
INSERT INTO runs_call (tool_id, caller_id, instance_id, run_id, workflow_id, environment, is_test, ended_at,
                       duration_ms, outcome, cost_usd, input_tokens, output_tokens)
SELECT tool.id, agent.id, instance.id, %(run)s, %(workflow)s, %(environment)s, %(is_test)s, clock_timestamp(),
       made.duration_ms, made.outcome, made.cost_usd, 0, 0
FROM unnest(%(tools)s::text[], %(revisions)s::bigint[], %(durations)s::int[], %(outcomes)s::text[],
            %(costs)s::numeric[]) AS made (name, revision, duration_ms, outcome, cost_usd)
    JOIN agents_tool tool ON tool.project_id = %(project)s AND tool.name = made.name
    JOIN agents_agent agent ON agent.project_id = %(project)s AND agent.name = %(name)s
    LEFT JOIN agents_revision pinned ON pinned.id = made.revision
    LEFT JOIN agents_instance instance ON instance.project_id = %(project)s
        AND instance.name = pinned.snapshot #>> '{config,instance}'
"""
CALLING = ("tool", "agent", "query")


def count_call(claimed: Claimed, outcome: Outcome) -> None:
    """The attempt that has just been recorded, if it called anything, and what a model called meanwhile."""
    kind, _, name = claimed.uses.partition(":")
    instance = asked_instance(outcome) if kind == "query" else None
    if kind not in CALLING or not (name or instance):
        return
    run_statement(OF_STEP, facts_of(claimed, name) | ended(claimed, outcome, kind, name, instance))
    made = calls_of_model(outcome) if kind == "agent" else ()
    if made:
        run_statement(OF_MODEL, facts_of(claimed, name) | as_columns(made, claimed.pins["tools"]))


def facts_of(claimed: Claimed, name: str) -> dict[str, Any]:
    """What each row of this attempt's calls has in common; `name` is that of the tool or agent."""
    return {
        "run": claimed.run_id, "workflow": claimed.workflow_id, "project": claimed.project_id, "name": name,
        "environment": claimed.environment, "is_test": claimed.trigger == Trigger.TEST,
    }  # fmt: skip


def ended(claimed: Claimed, outcome: Outcome, kind: str, name: str, instance: str | None) -> dict[str, Any]:
    return {
        "kind": kind, "step": claimed.id, "attempt": claimed.attempt_no, "instance": instance,
        "revision": claimed.pins.get(f"{kind}s", {}).get(name), "cost": outcome.cost, "outcome": word_for(outcome),
        "input_tokens": outcome.input_tokens, "output_tokens": outcome.output_tokens,
    }  # fmt: skip


def asked_instance(outcome: Outcome) -> str | None:
    """The name of the instance that a query step asked; None when it did not come to that."""
    name = outcome.request.get("instance") if isinstance(outcome.request, dict) else None
    return name if isinstance(name, str) else None


def word_for(outcome: Outcome) -> str:
    """How the call ended, in one word: the kind of its failure, else the state that it gave the step."""
    return outcome.failure.kind[:LONGEST_OUTCOME] if outcome.failure else outcome.state


def calls_of_model(outcome: Outcome) -> Sequence[Mapping[str, Any]]:
    """What `agents.calls.model_tools.ToolBox` noted."""
    return outcome.failure.context.get("tool_calls", ()) if outcome.failure else outcome.calls


def as_columns(calls: Sequence[Mapping[str, Any]], revisions: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Name of a parameter -> one value a call, as `unnest` takes them."""
    return {
        "tools": [call["tool"] for call in calls],
        "revisions": [revisions.get(call["tool"]) for call in calls],
        "durations": [call["duration_ms"] for call in calls],
        "outcomes": [call["outcome"][:LONGEST_OUTCOME] for call in calls],
        "costs": [call["cost_usd"] for call in calls],
    }
