"""A run under its row's lock: every change of a run goes through here, so that events stay gapless and ordered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from controlplane.domain.errors import ActionRefused
from controlplane.domain.queueing import send_task
from controlplane.events.live import notify
from controlplane.events.reactions import bell
from runs import events
from runs.engine.attention import moves
from runs.engine.calling import Bell, bell_for, call_workers
from runs.engine.faults import fault
from runs.engine.plan import Plan, plan_for
from runs.engine.sql import Row, run_each, run_statement
from runs.models import RUN_FINAL, Run, RunState

LOCK = """
SELECT id, project_id, workflow_id, version_id, parent_run_id, parent_step_id, state, environment, trigger, inputs,
       pins, agent_id, tags, created_at, created_by, last_seq, open_steps, people_steps, pause_requested_at,
       stop_requested_at, attention_since, pause_cause, control_by, control_reason,
       deadline_at + COALESCE(now() - LEAST(pause_requested_at, attention_since), interval '0')
           <= COALESCE(stop_requested_at, now()) AS deadline_passed,
       started_at IS NOT NULL AS has_started, now() AS now
FROM runs_run WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
"""

SAVE = """
WITH event AS (
    INSERT INTO events_event (project_id, subject_kind, subject_id, seq, type, at, actor, user_id, data)
    SELECT %(project_id)s, 'run', %(id)s, %(first_seq)s + ordinality, type, clock_timestamp(), actor, user_id, data
    FROM unnest(%(types)s::text[], %(actors)s::text[], %(users)s::bigint[], %(data)s::jsonb[]) WITH ORDINALITY
        AS new (type, actor, user_id, data, ordinality)
)
UPDATE runs_run SET
    last_seq = %(last_seq)s, open_steps = %(open_steps)s, people_steps = %(people_steps)s, state = %(state)s,
    outputs = COALESCE(%(outputs)s::jsonb, outputs), error = COALESCE(%(error)s::jsonb, error),
    cost_usd = cost_usd + %(cost)s, input_tokens = input_tokens + %(input_tokens)s,
    output_tokens = output_tokens + %(output_tokens)s,
    children_cost_usd = children_cost_usd + %(children_cost)s,
    children_input_tokens = children_input_tokens + %(children_input_tokens)s,
    children_output_tokens = children_output_tokens + %(children_output_tokens)s, is_counted = false,
    started_at = CASE WHEN %(begun)s THEN COALESCE(started_at, now()) ELSE started_at END,
    ended_at = CASE WHEN %(ended)s THEN COALESCE(ended_at, clock_timestamp()) END,
    deadline_at = deadline_at + COALESCE(
        COALESCE(LEAST(%(pause_requested_at)s::timestamptz, %(attention_since)s::timestamptz), now())
            - LEAST(pause_requested_at, attention_since), interval '0'),
    attention_since = %(attention_since)s, pause_requested_at = %(pause_requested_at)s, pause_cause = %(pause_cause)s,
    stop_requested_at = %(stop_requested_at)s, control_by = %(control_by)s,
    control_reason = %(control_reason)s
WHERE id = %(id)s
"""


class IllegalChange(Exception):
    """A mistake in the engine: no run may go this way."""


@dataclass
class LockedRun:
    """The locked row, and what this transaction adds to it."""

    id: int
    project_id: int
    workflow_id: int
    version_id: int | None
    parent_run_id: int | None
    parent_step_id: int | None
    state: str
    environment: str
    trigger: str
    inputs: dict[str, Any]
    pins: dict[str, Any]
    agent_id: int | None
    tags: list[str]
    created_at: datetime
    created_by: str
    last_seq: int
    open_steps: int
    people_steps: int
    pause_requested_at: datetime | None
    stop_requested_at: datetime | None
    attention_since: datetime | None
    pause_cause: str
    control_by: str
    control_reason: str
    deadline_passed: bool | None
    has_started: bool
    now: datetime
    outputs: Any = None
    error: dict[str, Any] | None = None
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    children_cost: Decimal = Decimal(0)
    children_input_tokens: int = 0
    children_output_tokens: int = 0
    # Steps that did not succeed, when they were looked up before the last one ended the run.
    failures: list[Row] | None = None
    # Whether there is something to write although nothing is told of it.
    is_changed: bool = False
    # Steps, of this run or another one, that workers are to be called for.
    rings: list[Bell] = field(default_factory=list)
    events: list[tuple[str, str, int | None, str]] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return plan_for(self.id, self.version_id)

    @property
    def holds_steps(self) -> bool:
        """Whether steps that become ready must wait for a resume."""
        return self.pause_requested_at is not None or self.state == RunState.PAUSED

    @property
    def is_final(self) -> bool:
        return self.state in RUN_FINAL

    def __post_init__(self) -> None:
        self.found = self.state
        self.needed_attention = self.attention_since is not None

    @property
    def waits_only_for_people(self) -> bool:
        if not self.people_steps or self.stop_requested_at is not None or self.is_final:
            return False
        if self.pause_requested_at is not None:
            return self.state == RunState.PAUSED
        return not moves(self.id)

    def settle_attention(self) -> None:
        """Whether only people are waited for now. Costs a statement where somebody is, and nothing elsewhere."""
        if not self.waits_only_for_people:
            self.attention_since = None
        elif self.attention_since is None:
            self.attention_since = self.now
            self.emit(events.NEEDS_ATTENTION, state=self.state)

    def ring_for(self, step: Row) -> None:
        """After commit a worker is called for this step of it: {"id", "queue"}, and "uses" and "slot_key" if known."""
        self.rings.append(bell_for(self.id, step))

    def start(self) -> None:
        """Something of it has begun."""
        if self.state == RunState.QUEUED:
            self.state = RunState.RUNNING
            self.emit(events.STARTED)

    def add_spent(self, cost: Decimal, input_tokens: int, output_tokens: int, *, by_child: bool = False) -> None:
        """To the run's totals; `by_child`: a run that one of its steps started spent it."""
        self.cost += cost
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if by_child:
            self.children_cost += cost
            self.children_input_tokens += input_tokens
            self.children_output_tokens += output_tokens

    def end_pause(self) -> None:
        """Time that is paused, or in which only people are waited for, does not count: `save` moves the deadline."""
        self.pause_requested_at, self.pause_cause = None, ""

    def emit(self, type: str, *, actor: str = "system", user: int | None = None, **data: object) -> None:
        self.events.append((type, actor, user, json.dumps(data, default=str)))

    def context(self, steps: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What expressions see."""
        return {"params": self.inputs, "steps": steps, "run": self.facts(), **more}

    def facts(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "environment": self.environment,
            "trigger": self.trigger,
            "tags": self.tags,
            "created_by": self.created_by,
            "created_at": self.created_at.isoformat(),
        }

    @property
    def is_to_be_saved(self) -> bool:
        return bool(self.events or self.rings or self.is_changed)

    def parameters(self) -> dict[str, Any]:
        """Of SAVE. Raises IllegalChange."""
        if self.state != self.found and self.state not in Run.TRANSITIONS.get(self.found, ()):
            raise IllegalChange(f"Run {self.id} cannot go from {self.found} to {self.state}.")
        self.settle_attention()
        types, actors, users, data = zip(*self.events, strict=True) if self.events else ((),) * 4
        return vars(self) | {
            "first_seq": self.last_seq,
            "last_seq": self.last_seq + len(self.events),
            "types": list(types),
            "actors": list(actors),
            "users": list(users),
            "data": list(data),
            "outputs": as_json(self.outputs),
            "error": as_json(self.error),
            "begun": self.state == RunState.RUNNING or (self.is_final and self.state != RunState.CANCELLED),
            "ended": self.is_final,
        }

    def is_saved(self) -> None:
        """Notify watchers and call workers after commit."""
        self.last_seq += len(self.events)
        transaction.on_commit(self._ring, robust=True)

    def _ring(self) -> None:
        fault("bell.before_publish")
        call_workers(self.rings)
        if self.parent_step_id and self.parent_run_id:
            self._tell_parent(self.parent_step_id, self.parent_run_id)
        notify.notify_run(self.id, self.project_id, self.last_seq)
        bell.ring_if_wanted(type for type, *_ in self.events)

    def _tell_parent(self, step_id: int, run_id: int) -> None:
        if self.is_final:
            send_task("runs.tasks.settle_child", step_id, run_id)
        elif self.needed_attention != (self.attention_since is not None):
            send_task("runs.tasks.follow_attention", step_id, run_id)


def described(row: Row, state: str) -> dict[str, Any]:
    """What every step event says."""
    return {"step": row["key"], "index": row["index"], "id": row["id"], "state": state}


def as_json(value: Any) -> str | None:
    """For a `jsonb` parameter. None becomes SQL's NULL, not JSON's null."""
    return None if value is None else json.dumps(value, default=str)


@contextmanager
def locked_run(run_id: int) -> Iterator[LockedRun | None]:
    """Open a transaction, lock the run, let the block change it, save. Yields None when there is no such run.

    Within another transaction it is a part of that one, which then must not go on after an error of the block.
    """
    with locked_runs([run_id]) as runs:
        yield runs.get(run_id)


@contextmanager
def locked_runs(run_ids: Iterable[int]) -> Iterator[dict[int, LockedRun]]:
    """The same with several at once, by id; those that are not there any more are missing."""
    with transaction.atomic(savepoint=False):
        rows = run_statement(LOCK, {"ids": sorted(run_ids)})
        runs = {row["id"]: LockedRun(**row) for row in rows}
        yield runs
        changed = [run for run in runs.values() if run.is_to_be_saved]
        if changed:
            run_each(SAVE, [run.parameters() for run in changed])
            fault("event.before_commit")
        for run in changed:
            run.is_saved()


@contextmanager
def locked_run_or_refuse(run_id: int) -> Iterator[LockedRun]:
    """`locked_run` for whoever was shown the run. Raises ActionRefused when it was deleted meanwhile."""
    with locked_run(run_id) as run:
        if run is None:
            raise ActionRefused("This run does not exist any more.")
        yield run
