"""Replicas of agents between their min and max: more as soon as steps wait, one state of rest before fewer."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from agents import events
from agents.models import Agent
from controlplane.domain.recording import record
from controlplane.projects.tenants.actors import SYSTEM
from runs.engine.sql import one, run_statement
from runs.engine.states import CLAIMABLE

# So long the number stays before it falls, so that it does not swing with every step.
REST_SECONDS = 60

SCALED = f"""
SELECT agent.id, agent.max_concurrent AS replicas, agent.min_replicas AS least, agent.max_replicas AS most, slot.in_use,
       agent.scaled_at < now() - make_interval(secs => %(rest)s) AS rested,
       (SELECT count(*) FROM (
           SELECT 1 FROM runs_steprun WHERE state IN {CLAIMABLE} AND slot_key = slot.key AND slot_key <> ''
               AND NOT held AND due_at <= now() LIMIT agent.max_replicas) AS counted)::int AS waiting
FROM agents_agent agent JOIN agents_slot slot ON slot.key = 'agent:' || agent.id
WHERE agent.min_replicas < agent.max_replicas
"""
CHANGE = """
WITH agent AS (
    UPDATE agents_agent SET max_concurrent = %(wanted)s, scaled_at = now(), scale_reason = %(reason)s
    WHERE id = %(id)s AND max_concurrent = %(replicas)s AND min_replicas = %(least)s AND max_replicas = %(most)s
    RETURNING id
)
UPDATE agents_slot SET capacity = %(wanted)s FROM agent WHERE key = 'agent:' || agent.id RETURNING key
"""
# The sweep rings for them with its next pass.
WAKE = f"""
UPDATE runs_steprun SET rung_at = NULL WHERE (run_id, id) IN (
    SELECT run_id, id FROM runs_steprun WHERE state IN {CLAIMABLE} AND slot_key = %(key)s AND slot_key <> ''
        AND NOT held AND due_at <= now() ORDER BY queued_at LIMIT %(places)s FOR UPDATE SKIP LOCKED)
"""


def scale_agents() -> int:
    """Returns how many agents have another number of replicas now."""
    return sum(scale(row) for row in run_statement(SCALED, {"rest": REST_SECONDS}))


def scale(row: dict[str, Any]) -> bool:
    """Whether the number of replicas changed. `row` is one of those that the statement of due agents gives."""
    needed = row["in_use"] + row["waiting"]
    wanted = min(max(needed, row["least"]), row["most"])
    if wanted == row["replicas"] or (wanted < row["replicas"] and not row["rested"]):
        return False
    steps = "1 step waits" if row["waiting"] == 1 else f"{row['waiting']} steps wait"
    reason = f"{row['in_use']} of {row['replicas']} replicas at work, {steps}"
    with transaction.atomic():
        changed = one(CHANGE, row | {"wanted": wanted, "reason": reason})
        if changed is None:
            return False
        run_statement(WAKE, {"key": changed["key"], "places": max(0, wanted - row["replicas"])})
        agent = Agent.objects.select_related("project").get(pk=row["id"])
        facts = {"before": row["replicas"], "replicas": wanted, "least": row["least"], "most": row["most"]}
        record(events.AGENT_SCALED, agent, by=SYSTEM, name=agent.name, **facts, reason=reason)
    return True
