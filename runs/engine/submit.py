"""Write runs, their steps and their first events in one statement; ring for what is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import transaction

from agents.models import Agent
from controlplane.domain.action import Actor
from controlplane.events.live import notify
from controlplane.events.reactions import bell
from controlplane.projects.models import Project
from runs import events
from runs.engine.advance import Advance
from runs.engine.calling import bell_for, call_workers
from runs.engine.faults import fault
from runs.engine.inline import opens_inline
from runs.engine.locked import as_json, locked_run_or_refuse
from runs.engine.pins import Pins
from runs.engine.plan import Plan
from runs.engine.sql import Row, run_statement
from runs.models import Run, RunState, StepState
from workflows.models import Version, Workflow
from workflows.specification.language import Step

SUBMIT = """
WITH run AS (
    INSERT INTO runs_run (
        project_id, workflow_id, version_id, definition, pins, state, environment, trigger, agent_id, tags, inputs,
        deadline_at, created_by, user_id, retry_of_id, replayed_from, parent_run_id, parent_step_id, open_steps,
        last_seq, last_line, cost_usd, input_tokens, output_tokens, control_by, control_reason)
    SELECT
        %(project_id)s, %(workflow_id)s, %(version_id)s, %(definition)s::jsonb, %(pins)s::jsonb, %(state)s,
        %(environment)s, %(trigger)s, %(agent_id)s, %(tags)s::text[], new.inputs,
        now() + make_interval(secs => %(timeout)s), %(created_by)s, %(user_id)s, %(retry_of_id)s, %(replayed_from)s,
        %(parent_run_id)s::bigint, %(parent_step_id)s::bigint, %(open_steps)s, 1, 0, 0, 0, 0, '', ''
    FROM unnest(%(inputs)s::jsonb[]) AS new (inputs)
    RETURNING id, created_at, deadline_at
), step AS (
    INSERT INTO runs_steprun (
        run_id, key, position, uses, stage, queue, slot_key, waiting_for, state, due_at, queued_at, rung_at,
        attempt_no, losses, held, worker, cancel_requested, cost_usd, input_tokens, output_tokens)
    SELECT run.id, key, new.position - 1, uses, stage, queue, slot_key, waiting_for,
           CASE WHEN is_ready THEN 'queued' ELSE 'pending' END,
           CASE WHEN is_ready THEN now() END, CASE WHEN is_ready THEN now() END, CASE WHEN is_ready THEN now() END,
           0, 0, false, '', false, 0, 0, 0
    FROM run, unnest(%(keys)s::text[], %(uses)s::text[], %(stages)s::text[], %(queues)s::text[], %(slots)s::text[],
                     %(needs)s::int[], %(ready)s::bool[]) WITH ORDINALITY
        AS new (key, uses, stage, queue, slot_key, waiting_for, is_ready, position)
    RETURNING id, run_id, key, position, uses, queue, slot_key, state, waiting_for
), event AS (
    INSERT INTO events_event (project_id, subject_kind, subject_id, seq, type, at, actor, user_id, data)
    SELECT %(project_id)s, 'run', run.id, 1, %(event)s, clock_timestamp(), %(created_by)s, %(user_id)s, %(data)s::jsonb
    FROM run
)
SELECT run.created_at, run.deadline_at, step.*
FROM run JOIN step ON step.run_id = run.id WHERE step.state = 'queued' OR step.waiting_for = 0
ORDER BY run.id, step.position
"""


@dataclass(frozen=True)
class RunOrder:
    """Everything that a new run is made of."""

    project: Project
    workflow: Workflow
    version: Version | None
    plan: Plan
    pins: Pins
    inputs: Mapping[str, Any]
    environment: str
    trigger: str
    by: Actor
    agent: Agent | None = None
    tags: list[str] = field(default_factory=list)
    definition: dict[str, Any] | None = None
    retry_of_id: int | None = None
    # The step that starts it, and its run.
    parent_run_id: int | None = None
    parent_step_id: int | None = None
    timeout_seconds: float | None = None
    # Replays: where it begins, and the steps that stand as succeeded from the start.
    replayed_from: str = ""
    reused: frozenset[str] = frozenset()

    @property
    def open_steps(self) -> int:
        return len(self.plan.spec.steps) - len(self.reused)


def submit(order: RunOrder) -> Run:
    """The new run, queued. Steps that need nothing are ready; workers are called for them after commit."""
    return submit_all(order, [order.inputs])[0]


def submit_all(order: RunOrder, inputs: Sequence[Mapping[str, Any]]) -> list[Run]:
    """A run for each of `inputs`, in that order: all of them or none."""
    with transaction.atomic(savepoint=False):
        rows = insert(order, inputs)
        first = [list(steps) for _, steps in groupby(rows, key=itemgetter("run_id"))]
        runs = [as_run(order, given, steps[0]) for given, steps in zip(inputs, first, strict=True)]
        for run, steps in zip(runs, first, strict=True):
            conditional = [step for step in steps if step["state"] == StepState.PENDING]
            if conditional:
                open_first(run, conditional)
        fault("event.before_commit")
        ready = [step for step in rows if step["state"] == StepState.QUEUED]
        transaction.on_commit(lambda: ring_all(runs, ready), robust=True)
    return runs


def insert(order: RunOrder, inputs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The new runs' rows; returns the steps that nothing is waited for, which are queued or yet to be decided.

    The ids of the runs are in the order of their inputs.
    """
    given = {"inputs": [as_json(one) for one in inputs]}
    return run_statement(SUBMIT, run_columns(order) | given | step_columns(order) | first_event(order))


def ring_all(runs: list[Run], ready: list[Row]) -> None:
    """After commit. Losing any of it delays by seconds: the sweep rings again."""
    fault("bell.before_publish")
    call_workers(bell_for(step["run_id"], step) for step in ready)
    for run in runs:
        notify.notify_run(run.pk, run.project_id, run.last_seq)
    bell.ring_if_wanted((events.CREATED,))


def run_columns(order: RunOrder) -> dict[str, Any]:
    """Column -> value. Of both time limits, in seconds, the tighter one holds; None: no limit."""
    limits = [limit for limit in (order.plan.spec.timeout_seconds, order.timeout_seconds) if limit is not None]
    return {
        "project_id": order.project.pk,
        "workflow_id": order.workflow.pk,
        "version_id": order.version.pk if order.version else None,
        "definition": as_json(order.definition),
        "pins": as_json(order.pins.as_json()),
        "state": RunState.QUEUED.value,
        "environment": str(order.environment),
        "trigger": str(order.trigger),
        "agent_id": order.agent.pk if order.agent else None,
        "tags": order.tags,
        "timeout": min(limits, default=None),
        "created_by": order.by.name,
        "user_id": order.by.user_id,
        "retry_of_id": order.retry_of_id,
        "replayed_from": order.replayed_from,
        "parent_run_id": order.parent_run_id,
        "parent_step_id": order.parent_step_id,
        "open_steps": order.open_steps,
    }


def step_columns(order: RunOrder) -> dict[str, list[Any]]:
    """One list a column, one place a step."""
    steps = order.plan.spec.steps
    needs = [order.pins.needs_of(step) for step in steps]
    return {
        "keys": [step.key for step in steps],
        "uses": [need.uses for need in needs],
        "stages": [step.stage for step in steps],
        "queues": [need.queue for need in needs],
        "slots": [need.slot_key for need in needs],
        "needs": [0 if step.key in order.reused else len(set(step.needs) - order.reused) for step in steps],
        "ready": [is_ready(step) and step.key not in order.reused for step in steps],
    }


def is_ready(step: Step) -> bool:
    """Whether nothing has to be waited for or decided before a worker can have it."""
    return not step.needs and not step.when and step.foreach is None and not opens_inline(step)


def first_event(order: RunOrder) -> dict[str, Any]:
    facts = {
        "state": RunState.QUEUED,
        "workflow": order.workflow.name,
        "trigger": order.trigger,
        "retry_of": order.retry_of_id,
    }
    return {"event": events.CREATED, "data": as_json(facts)}


def as_run(order: RunOrder, inputs: Mapping[str, Any], row: Row) -> Run:
    """The row as a model, without asking the database again."""
    run = Run(
        pk=row["run_id"],
        project=order.project,
        workflow=order.workflow,
        version=order.version,
        definition=order.definition,
        pins=order.pins.as_json(),
        environment=order.environment,
        trigger=order.trigger,
        agent=order.agent,
        tags=order.tags,
        inputs=inputs,
        created_at=row["created_at"],
        deadline_at=row["deadline_at"],
        created_by=order.by.name,
        user_id=order.by.user_id,
        retry_of_id=order.retry_of_id,
        replayed_from=order.replayed_from,
        parent_run_id=order.parent_run_id,
        parent_step_id=order.parent_step_id,
        open_steps=order.open_steps,
        last_seq=1,
    )
    run._state.adding, run._state.db = False, "default"
    return run


def open_first(run: Run, steps: list[Row]) -> None:
    """First steps with a condition or a foreach, and those that only wait, are decided at once."""
    with locked_run_or_refuse(run.pk) as locked:
        walk = Advance(locked)
        for step in steps:
            walk.open({"id": step["id"], "key": step["key"], "index": None})
        walk.go_on()
    run.refresh_from_db(fields=["state", "outputs", "error", "started_at", "ended_at", "last_seq", "open_steps"])
