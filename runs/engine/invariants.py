"""What must be true of all runs at any moment, as queries that find what is not."""

from __future__ import annotations

from dataclasses import dataclass

from runs.engine.sql import Row, run_statement
from runs.engine.states import BY_ITSELF, BY_PEOPLE, CLAIMABLE, LIVE, MOVING, OPEN, TIMED

LIMIT = 100
# They refer to it without a constraint in the database.
OF_STEPS = ("runs_attempt", "runs_logchunk", "runs_artifact")


@dataclass(frozen=True)
class Invariant:
    """`query` selects violations; it gets `limit`."""

    name: str
    query: str


INVARIANTS = [
    Invariant(
        "a step that runs has a lease that is alive or about to be taken back",
        """SELECT id, run_id, key, lease_until FROM runs_steprun
           WHERE state = 'running' AND lease_until < now() - interval '1 minute'""",
    ),
    Invariant(
        "a live step has somebody who will move it",
        f"""SELECT id, run_id, key, state FROM runs_steprun WHERE NOT held AND (
               (state IN {CLAIMABLE} AND due_at IS NULL)
               OR (waits_for = 'time' AND due_at IS NULL)
               OR (waits_for = 'items' AND COALESCE(open_items, 0) = 0)
               OR (waits_for = 'child'
                   AND NOT EXISTS (SELECT 1 FROM runs_run child WHERE child.parent_step_id = runs_steprun.id)))""",
    ),
    Invariant(
        "a step that waits is in nobody's hands",
        """SELECT id, run_id, key, waits_for FROM runs_steprun
           WHERE waits_for <> '' AND (lease_until IS NOT NULL OR ended_at IS NOT NULL)""",
    ),
    Invariant(
        "a step held back belongs to a run that is paused or pausing",
        f"""SELECT step.id, step.run_id, step.key FROM runs_steprun step JOIN runs_run run ON run.id = step.run_id
           WHERE step.held AND step.state IN {TIMED} AND run.pause_requested_at IS NULL""",
    ),
    Invariant(
        "a pending step waits for something unfinished",
        """SELECT step.id, step.run_id, step.key FROM runs_steprun step
           WHERE step.state = 'pending' AND step.index IS NULL AND step.waiting_for = 0""",
    ),
    Invariant(
        "a final run has no live step",
        f"""SELECT run.id, run.state, step.key, step.state AS step_state
           FROM runs_run run JOIN runs_steprun step ON step.run_id = run.id
           WHERE run.ended_at IS NOT NULL AND step.state IN {LIVE}""",
    ),
    Invariant(
        "a live run has a live step or one that needs a review",
        f"""SELECT run.id, run.state FROM runs_run run
           WHERE run.ended_at IS NULL AND run.trigger <> 'external' AND NOT EXISTS (
               SELECT 1 FROM runs_steprun step WHERE step.run_id = run.id
               AND step.state IN {OPEN})""",
    ),
    Invariant(
        "a run counts its open steps",
        f"""SELECT run.id, run.open_steps, count(step.id) AS counted FROM runs_run run
           LEFT JOIN runs_steprun step ON step.run_id = run.id
               AND step.state IN {OPEN}
           WHERE run.ended_at IS NULL GROUP BY run.id HAVING run.open_steps <> count(step.id)""",
    ),
    Invariant(
        "a run counts its steps that wait for a person",
        f"""SELECT run.id, run.people_steps, counted.own, counted.children FROM runs_run run CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE step.waits_for IN {BY_PEOPLE}) AS own,
                      count(*) FILTER (WHERE step.waits_for = 'child') AS children
               FROM runs_steprun step WHERE step.run_id = run.id) counted
           WHERE run.ended_at IS NULL
             AND run.people_steps NOT BETWEEN counted.own AND counted.own + counted.children""",
    ),
    Invariant(
        "a run that needs attention does nothing by itself",
        f"""SELECT run.id, step.key, step.state, step.waits_for
           FROM runs_run run JOIN runs_steprun step ON step.run_id = run.id
           WHERE run.attention_since IS NOT NULL AND NOT step.held AND (step.state IN {MOVING}
               OR step.waits_for IN {BY_ITSELF})""",
    ),
    Invariant(
        "the events of a run are numbered 1 to n",
        """SELECT run.id, run.last_seq, count(event.id) AS events, max(event.seq) AS highest FROM runs_run run
           LEFT JOIN events_event event ON event.subject_kind = 'run' AND event.subject_id = run.id
               AND event.seq IS NOT NULL
           GROUP BY run.id HAVING run.last_seq <> count(event.id) OR run.last_seq <> COALESCE(max(event.seq), 0)""",
    ),
    Invariant(
        "a run's end is its last state event",
        """SELECT subject_id, count(*) AS ends FROM events_event
           WHERE subject_kind = 'run' AND type IN ('run.succeeded', 'run.partially_succeeded', 'run.failed',
                                                   'run.cancelled', 'run.timed_out')
           GROUP BY subject_id HAVING count(*) > 1""",
    ),
    Invariant(
        "an attempt that runs is the newest of a step that runs",
        """SELECT attempt.id, attempt.step_id, attempt.number FROM runs_attempt attempt
           JOIN runs_steprun step ON step.id = attempt.step_id
           WHERE attempt.state = 'running' AND (step.state <> 'running' OR step.attempt_no <> attempt.number)""",
    ),
    Invariant(
        "what belongs to a step belongs to a step of its run",
        " UNION ALL ".join(
            f"""SELECT '{table}' AS belongs, child.id, child.run_id, child.step_id FROM {table} child
                LEFT JOIN runs_steprun step ON step.run_id = child.run_id AND step.id = child.step_id
                WHERE child.step_id IS NOT NULL AND step.id IS NULL"""
            for table in OF_STEPS
        ),
    ),
    Invariant(
        "a run that a step started was started by a step of its parent run",
        """SELECT child.id, child.parent_run_id, child.parent_step_id FROM runs_run child
           LEFT JOIN runs_steprun step ON step.run_id = child.parent_run_id AND step.id = child.parent_step_id
           WHERE child.parent_step_id IS NOT NULL AND step.id IS NULL""",
    ),
    Invariant(
        "log lines are numbered without gaps",
        """SELECT run.id, run.last_line, sum(chunk.count) AS lines FROM runs_run run
           JOIN runs_logchunk chunk ON chunk.run_id = run.id
           GROUP BY run.id HAVING run.last_line <> sum(chunk.count)""",
    ),
    Invariant(
        "the cost of a run is the cost of its steps",
        """SELECT run.id, run.cost_usd, spent.total FROM runs_run run JOIN LATERAL (
               SELECT COALESCE(sum(step.cost_usd), 0) AS total FROM runs_steprun step WHERE step.run_id = run.id
           ) spent ON true
           WHERE run.ended_at IS NOT NULL AND run.trigger <> 'external' AND run.cost_usd <> spent.total""",
    ),
    Invariant(
        "what the children of a run cost is the cost of the steps that start runs",
        """SELECT run.id, run.children_cost_usd, spent.total FROM runs_run run JOIN LATERAL (
               SELECT COALESCE(sum(step.cost_usd), 0) AS total FROM runs_steprun step
               WHERE step.run_id = run.id AND step.uses LIKE 'workflow:%%'
           ) spent ON true
           WHERE run.ended_at IS NOT NULL AND run.children_cost_usd <> spent.total""",
    ),
    Invariant(
        "a step that started a run which is counted costs what that run cost",
        """SELECT child.id, child.cost_usd, step.id AS step, step.cost_usd AS counted FROM runs_run child
           JOIN runs_steprun step ON step.id = child.parent_step_id
           WHERE child.is_counted AND child.cost_usd <> step.cost_usd""",
    ),
    Invariant(
        "a run that executes elsewhere has nothing that a worker could claim",
        """SELECT run.id, step.key, step.state FROM runs_run run JOIN runs_steprun step ON step.run_id = run.id
           WHERE run.trigger = 'external'""",
    ),
]


def violations(invariant: Invariant) -> list[Row]:
    """At most 100 rows that break it."""
    return run_statement(f"{invariant.query} LIMIT %(limit)s", {"limit": LIMIT})
