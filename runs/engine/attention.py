"""Whether a run can go on by itself, or only when a person has done something. Asked under the run's lock."""

from __future__ import annotations

from runs.engine.sql import one, the_one
from runs.engine.states import BY_ITSELF, BY_PEOPLE, MOVING

IN_NEED = """
SELECT FROM runs_run child
WHERE child.parent_run_id = asked.run_id AND child.parent_step_id = asked.id AND child.attention_since IS NOT NULL
"""
MOVES = f"""
SELECT id FROM runs_steprun asked
WHERE run_id = %(run)s AND NOT held AND (
    state IN {MOVING} OR waits_for IN {BY_ITSELF}
    OR (waits_for = 'child' AND NOT EXISTS ({IN_NEED})))
LIMIT 1
"""
# Of the row called `run`.
PEOPLE_STEPS_OF_RUN = f"""
SELECT count(*)::int FROM runs_steprun asked WHERE asked.run_id = run.id
  AND (asked.waits_for IN {BY_PEOPLE} OR (asked.waits_for = 'child' AND EXISTS ({IN_NEED})))
"""
COUNT = f"SELECT ({PEOPLE_STEPS_OF_RUN}) AS steps FROM runs_run run WHERE id = %(run)s"


def moves(run_id: int) -> bool:
    """Whether a step of it goes on without anybody: it is in line, works, or waits for what comes by itself."""
    return one(MOVES, {"run": run_id}) is not None


def count_people_steps(run_id: int) -> int:
    """Its open steps that wait for a person, or for a run that does."""
    return the_one(COUNT, {"run": run_id})["steps"]
