"""Concurrency limits: counter rows that are taken and given back in the transactions that claim and finish steps."""

from __future__ import annotations

from runs.engine.sql import one, run_statement

TAKE = """
UPDATE agents_slot SET in_use = in_use + 1 WHERE key = %(key)s AND in_use < capacity RETURNING key
"""
EXISTS = "SELECT key FROM agents_slot WHERE key = %(key)s"
GIVE_BACK = "UPDATE agents_slot SET in_use = in_use - 1 WHERE key = %(key)s AND in_use > 0"
NEXT_IN_LINE = """
UPDATE runs_steprun SET rung_at = now() WHERE id = (
    SELECT id FROM runs_steprun
    WHERE state IN ('queued', 'retrying') AND slot_key = %(key)s AND slot_key <> '' AND NOT held AND due_at <= now()
    ORDER BY queued_at LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id, queue
"""
RECOUNT = """
UPDATE agents_slot SET in_use = counted.n
FROM (
    SELECT slot.key, count(step.id) AS n
    FROM agents_slot slot LEFT JOIN runs_steprun step ON step.slot_key = slot.key AND step.state = 'running'
    GROUP BY slot.key
) counted
WHERE agents_slot.key = counted.key AND agents_slot.in_use <> counted.n
RETURNING agents_slot.key
"""


def take(key: str) -> bool:
    """One more in use. True as well when the limit was removed meanwhile."""
    return one(TAKE, {"key": key}) is not None or one(EXISTS, {"key": key}) is None


def give_back(key: str) -> tuple[int, str] | None:
    """One less in use; the (step id, queue) that waited longest for it, to be rung."""
    run_statement(GIVE_BACK, {"key": key})
    row = one(NEXT_IN_LINE, {"key": key})
    return None if row is None else (row["id"], row["queue"])


def recount() -> list[str]:
    """Count what really runs; the keys whose counters were wrong."""
    return [row["key"] for row in run_statement(RECOUNT, {})]
