"""Whether a run can go on by itself, or only when a person has done something. Asked under the run's lock."""

from __future__ import annotations

from runs.engine.sql import one, the_one

IN_NEED = "SELECT FROM runs_run child WHERE child.parent_step_id = asked.id AND child.attention_since IS NOT NULL"
MOVES = f"""
SELECT id FROM runs_steprun asked
WHERE run_id = %(run)s AND NOT held AND (
    state IN ('queued', 'running', 'retrying') OR waits_for IN ('time', 'signal', 'records')
    OR (waits_for = 'child' AND NOT EXISTS ({IN_NEED})))
LIMIT 1
"""  # noqa: S608 - names of this file
# Of the row called `run`.
PEOPLE_STEPS_OF_RUN = f"""
SELECT count(*)::int FROM runs_steprun asked WHERE asked.run_id = run.id
  AND (asked.waits_for IN ('approval', 'review') OR (asked.waits_for = 'child' AND EXISTS ({IN_NEED})))
"""  # noqa: S608 - names of this file
COUNT = f"SELECT ({PEOPLE_STEPS_OF_RUN}) AS steps FROM runs_run run WHERE id = %(run)s"  # noqa: S608 - as above


def moves(run_id: int) -> bool:
    """Whether a step of it goes on without anybody: it is in line, works, or waits for what comes by itself."""
    return one(MOVES, {"run": run_id}) is not None


def count_people_steps(run_id: int) -> int:
    """Its open steps that wait for a person, or for a run that does."""
    return the_one(COUNT, {"run": run_id})["steps"]
