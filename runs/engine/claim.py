"""A worker takes a step: one compare-and-set statement, one commit. Only the database's clock counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from controlplane.events.live import notify
from controlplane.events.reactions import bell
from runs import events
from runs.engine import slots
from runs.engine.plan import Plan, plan_for
from runs.engine.sql import one
from runs.engine.states import CLAIMABLE
from workflows.specification.language import Step

# Which run is locked and which of its steps is taken; `taking.py` puts others in their place.
ONE_RUN = "run AS (SELECT * FROM runs_run WHERE id = %(run)s FOR NO KEY UPDATE)"
ONE_STEP = f"""
    WHERE id = %(step)s AND run_id = %(run)s AND run_id IN (SELECT id FROM run)
      AND state IN {CLAIMABLE} AND due_at <= now() AND NOT held
"""
TAKE_STEP = f"""
WITH {ONE_RUN}, step AS (
    UPDATE runs_steprun SET
        state = 'running', attempt_no = attempt_no + 1, worker = %(worker)s, sent_at = NULL, error = NULL,
        lease_until = now() + make_interval(secs => %(lease)s), started_at = COALESCE(started_at, now())
    {ONE_STEP}
    RETURNING runs_steprun.*
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY id) AS place FROM step
), begun AS (
    UPDATE runs_run SET
        started_at = COALESCE(run.started_at, now()),
        state = CASE WHEN run.state = 'queued' THEN 'running' ELSE run.state END,
        last_seq = run.last_seq + taken.steps + (run.state = 'queued')::int
    FROM run JOIN (SELECT run_id, count(*)::int AS steps FROM step GROUP BY run_id) taken ON taken.run_id = run.id
    WHERE runs_run.id = run.id
    RETURNING runs_run.id, runs_run.last_seq
), attempt AS (
    INSERT INTO runs_attempt (run_id, step_id, number, state, worker)
    SELECT run_id, id, attempt_no, 'running', worker FROM step
), event AS (
    INSERT INTO events_event (project_id, subject_kind, subject_id, seq, type, at, actor, data)
    SELECT run.project_id, 'run', run.id, run.last_seq + 1, 'run.started', clock_timestamp(), 'system', '{{}}'
    FROM run JOIN begun ON begun.id = run.id WHERE run.state = 'queued'
    UNION ALL
    SELECT run.project_id, 'run', run.id, run.last_seq + (run.state = 'queued')::int + step.place, 'step.started',
           clock_timestamp(), 'system',
           jsonb_build_object('step', step.key, 'index', step.index, 'id', step.id, 'state', 'running',
                              'attempt', step.attempt_no, 'worker', step.worker)
    FROM run JOIN numbered step ON step.run_id = run.id
)
SELECT step.id, step.key, step.index, step.uses, step.attempt_no, step.item, step.slot_key, step.worker,
       run.id AS run_id, run.project_id, run.workflow_id, run.version_id, run.inputs, run.pins, run.environment,
       run.trigger, run.tags, run.agent_id, run.created_by, run.created_at, begun.last_seq
FROM run JOIN step ON step.run_id = run.id JOIN begun ON begun.id = run.id
"""
# Bells carry the run as well. Those of an earlier version do not, and of all partitions this one statement asks.
RUN_OF = "SELECT run_id FROM runs_steprun WHERE id = %(step)s"


@dataclass(frozen=True)
class Claimed:
    """One attempt that is ours until the lease ends: what to do, and for which run."""

    id: int
    key: str
    index: int | None
    uses: str
    attempt_no: int
    item: Any
    slot_key: str
    worker: str
    run_id: int
    project_id: int
    workflow_id: int
    version_id: int | None
    inputs: dict[str, Any]
    pins: dict[str, Any]
    environment: str
    trigger: str
    tags: list[str]
    agent_id: int | None
    created_by: str
    created_at: datetime
    last_seq: int

    @property
    def plan(self) -> Plan:
        return plan_for(self.run_id, self.version_id)

    @property
    def step(self) -> Step:
        return self.plan.spec.step(self.key)

    @property
    def key_of_attempt(self) -> dict[str, int]:
        """For a statement that only this attempt may have done."""
        return {"run": self.run_id, "step": self.id, "attempt": self.attempt_no}

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step, so that the other side can tell a repetition."""
        return f"{self.run_id}:{self.key}" if self.index is None else f"{self.run_id}:{self.key}:{self.index}"

    def facts(self) -> dict[str, Any]:
        """The `run` that expressions see."""
        return {
            "id": self.run_id,
            "environment": self.environment,
            "trigger": self.trigger,
            "tags": self.tags,
            "created_by": self.created_by,
            "created_at": self.created_at.isoformat(),
        }


class SlotTaken(Exception):
    """Everything that this step needs a place in is in use, or the minute has no call left for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def run_of(step_id: int) -> int:
    """For whoever knows only the step. 0 when it is not there any more, which no run is."""
    return (one(RUN_OF, {"step": step_id}) or {}).get("run_id", 0)


def claim(step_id: int, worker: str, run_id: int | None = None) -> Claimed | None:
    """Take the step, or None: somebody else has it, it is not due, held, or waits for a free slot."""
    which = {"step": step_id, "run": run_id or run_of(step_id)}
    try:
        with transaction.atomic():
            row = one(TAKE_STEP, {**which, "worker": worker, "lease": settings.ENGINE_LEASE_SECONDS})
            if row is None:
                return None
            wait = slots.take(row["slot_key"]) if row["slot_key"] else None
            if wait is not None:
                raise SlotTaken(wait)
    except SlotTaken as refused:
        if refused.seconds:
            slots.postpone(which["run"], step_id, refused.seconds)
        return None
    claimed = Claimed(**row)
    notify.notify_run(claimed.run_id, claimed.project_id, claimed.last_seq)
    bell.ring_if_wanted((events.STARTED, events.STEP_STARTED))
    return claimed
