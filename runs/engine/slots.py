"""Limits of concurrency and of calls a minute: rows that are changed with the claim and the end of steps."""

from __future__ import annotations

from agents.calls.limits import AVAILABLE
from runs.engine.calling import Bell
from runs.engine.sql import one, run_statement
from runs.engine.states import CLAIMABLE

TAKE = f"""
UPDATE agents_slot SET in_use = in_use + 1,
    tokens = CASE WHEN per_minute IS NULL THEN tokens ELSE {AVAILABLE} - 1 END, refilled_at = clock_timestamp()
WHERE key = %(key)s AND (capacity IS NULL OR in_use < capacity) AND (per_minute IS NULL OR {AVAILABLE} >= 1)
RETURNING key
"""
# Zero when it is not the calls a minute that left no room: then whoever gives a place back rings for the next.
REFUSED = f"""
SELECT CASE WHEN per_minute IS NULL OR in_use >= capacity THEN 0
            ELSE GREATEST(0.05, (1 - {AVAILABLE}) * 60.0 / per_minute) END::float AS seconds
FROM agents_slot WHERE key = %(key)s
"""
# Whoever waited longer comes first, one call after the other; within a minute, for the limit may be another one then.
POSTPONE = f"""
UPDATE runs_steprun step SET rung_at = NULL, due_at = clock_timestamp() + make_interval(
    secs => %(seconds)s + 60.0 / slot.per_minute * (SELECT count(*) FROM (
        SELECT 1 FROM runs_steprun WHERE state IN {CLAIMABLE} AND slot_key = slot.key AND slot_key <> ''
            AND NOT held AND due_at <= now() + interval '1 minute' AND (queued_at, id) < (step.queued_at, step.id)
        LIMIT slot.per_minute - 1) AS before))
FROM agents_slot slot
WHERE step.run_id = %(run)s AND step.id = %(step)s AND slot.key = step.slot_key AND slot.per_minute IS NOT NULL
    AND step.state IN {CLAIMABLE} AND step.due_at <= now()
"""
GIVE_BACK = "UPDATE agents_slot SET in_use = in_use - 1 WHERE key = %(key)s AND in_use > 0"
NEXT_IN_LINE = f"""
UPDATE runs_steprun SET rung_at = now() WHERE (run_id, id) = (
    SELECT run_id, id FROM runs_steprun
    WHERE state IN {CLAIMABLE} AND slot_key = %(key)s AND slot_key <> '' AND NOT held AND due_at <= now()
    ORDER BY queued_at LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id, run_id, queue
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


def take(key: str) -> float | None:
    """One more in use, and one call of those that the minute has: None.

    Else the seconds until the minute has room, 0 when nobody knows. None as well when the limit was removed meanwhile.
    """
    if one(TAKE, {"key": key}) is not None:
        return None
    refused = one(REFUSED, {"key": key})
    return None if refused is None else refused["seconds"]


def postpone(run_id: int, step_id: int, seconds: float) -> None:
    """Not before then, nor before the turn of those that waited longer: the sweep rings for it when it is due."""
    run_statement(POSTPONE, {"run": run_id, "step": step_id, "seconds": seconds})


def give_back(key: str) -> Bell | None:
    """One less in use; the call for the step that waited longest for it."""
    run_statement(GIVE_BACK, {"key": key})
    row = one(NEXT_IN_LINE, {"key": key})
    return None if row is None else Bell(row["id"], row["run_id"], row["queue"])


def recount() -> list[str]:
    """Count what really runs; the keys whose counters were wrong."""
    return [row["key"] for row in run_statement(RECOUNT, {})]
