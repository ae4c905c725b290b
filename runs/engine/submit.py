"""Write a run, its steps and its first events in one transaction; ring for what is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from agents.models import Agent
from controlplane.domain.action import Actor
from controlplane.domain.queueing import ring
from controlplane.events import bells
from controlplane.events.models import Event
from runs import events
from runs.engine.advance import Advance
from runs.engine.faults import fault
from runs.engine.locked import locked_run
from runs.engine.pins import Pins
from runs.engine.plan import Plan
from runs.models import Run, StepRun, StepState
from workflows.models import Workflow
from workflows.spec import Step


@dataclass(frozen=True)
class Order:
    """Everything that a new run is made of."""

    workflow: Workflow
    version_id: int | None
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
    parent_step_id: int | None = None
    timeout_seconds: float | None = None


def submit(order: Order) -> Run:
    """The new run, queued. Steps that need nothing are ready; one message each leaves after commit."""
    with transaction.atomic():
        run = Run.objects.create(**run_fields(order))
        steps = StepRun.objects.bulk_create(step_rows(run, order))
        ready = [step for step in steps if step.state == StepState.QUEUED]
        record_created(run, order)
        conditional = [step for step in steps if step.state == StepState.PENDING and not step.waiting_for]
        if conditional:
            open_first(run, conditional)
        fault("event.before_commit")
        transaction.on_commit(lambda: ring_all(run, ready), robust=True)
    return run


def ring_all(run: Run, ready: list[StepRun]) -> None:
    fault("bell.before_publish")
    # When the broker does not answer, the sweep rings for the rest.
    all(ring("runs.tasks.execute_step", step.pk, queue=step.queue) for step in ready)
    bells.ring_run(run.pk, run.project_id, run.last_seq)


def run_fields(order: Order) -> dict[str, Any]:
    limits = [limit for limit in (order.plan.spec.timeout_seconds, order.timeout_seconds) if limit is not None]
    return {
        "project_id": order.workflow.project_id,
        "workflow": order.workflow,
        "version_id": order.version_id,
        "definition": order.definition,
        "pins": order.pins.as_json(),
        "environment": order.environment,
        "trigger": order.trigger,
        "agent": order.agent,
        "tags": order.tags,
        "inputs": order.inputs,
        "deadline_at": Now() + timedelta(seconds=min(limits)) if limits else None,
        "created_by": order.by.name,
        "user_id": getattr(order.by, "user_id", None),
        "retry_of_id": order.retry_of_id,
        "parent_step_id": order.parent_step_id,
        "open_steps": len(order.plan.spec.steps),
        "last_seq": 1,
    }


def step_rows(run: Run, order: Order) -> list[StepRun]:
    return [step_row(run, order, position, step) for position, step in enumerate(order.plan.spec.steps)]


def step_row(run: Run, order: Order, position: int, step: Step) -> StepRun:
    needs = order.pins.needs_of(step)
    row = StepRun(
        run=run,
        key=step.key,
        position=position,
        uses=needs.uses,
        stage=step.stage,
        queue=needs.queue,
        slot_key=needs.slot_key,
        waiting_for=len(set(step.needs)),
    )
    if not step.needs and not step.when and step.foreach is None:
        row.state = StepState.QUEUED
        row.due_at = row.queued_at = row.rung_at = Now()
    return row


def record_created(run: Run, order: Order) -> None:
    Event.objects.create(
        project_id=run.project_id,
        subject_kind="run",
        subject_id=run.pk,
        seq=1,
        type=events.CREATED,
        actor=order.by.name,
        user_id=run.user_id,
        data={"state": run.state, "workflow": order.workflow.name, "trigger": run.trigger, "retry_of": run.retry_of_id},
    )


def open_first(run: Run, steps: list[StepRun]) -> None:
    """First steps with a condition or a foreach are decided at once."""
    with locked_run(run.pk) as locked:
        walk = Advance(locked)
        for step in steps:
            walk.open({"id": step.pk, "key": step.key, "index": None})
        walk.go_on()
