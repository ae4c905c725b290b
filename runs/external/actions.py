"""Verbs on runs that execute elsewhere and report here. Nothing starts, retries or pauses them from this side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.utils import timezone

from agents.models import Agent, Environment
from controlplane.domain.action import Actor, action
from controlplane.domain.errors import ActionRefused, FieldError, InvalidInput
from controlplane.domain.tags import clean_tags
from controlplane.projects.models import Project
from runs.engine.external import NO_STEPS, Report, begin, hear
from runs.models import RUN_FINAL, Run, RunState, Trigger
from workflows.actions import register_task

# Clocks elsewhere go wrong by so much.
CLOCK_SLACK = timedelta(minutes=5)


@action(label="Report a task", role="operator", icon="upload")
def report_task(
    project: Project,
    *,
    task: str,
    report: Report,
    inputs: Mapping[str, Any] | None = None,
    environment: str = Environment.DEV,
    agent: Agent | None = None,
    tags: Iterable[str] = (),
    by: Actor,
) -> Run:
    """A run of the workflow `task`, which the first report makes; queued, running, or as it has ended already."""
    if report.status == RunState.WAITING_APPROVAL:
        raise InvalidInput.field("status", "Report it as queued, running or ended first.", "choice")
    check_times(report, ended=report.status in RUN_FINAL)
    workflow = register_task(project, name=task, by=by)
    if workflow.archived_at is not None:
        raise ActionRefused(f"The workflow {workflow.name} is archived.")
    run = Run.objects.create(
        project=project,
        workflow=workflow,
        definition=NO_STEPS,
        environment=environment,
        trigger=Trigger.EXTERNAL,
        agent=agent,
        tags=clean_tags(tags),
        inputs=dict(inputs or {}),
        # As the engine's clock, which tells one time in a transaction: it must not start before it was created.
        created_at=TransactionNow(),
        created_by=by.name,
        user_id=by.user_id,
    )
    begin(run, report, by=by)
    run.refresh_from_db()
    return run


@action(label="Report", role="operator", icon="upload")
def update_task(run: Run, *, report: Report, by: Actor) -> Run:
    """How it stands now; also the sign of life that puts its deadline off."""
    check_times(report, ended=report.status in RUN_FINAL, began=run.started_at)
    hear(run.pk, report, by=by)
    run.refresh_from_db()
    return run


def check_times(report: Report, *, ended: bool, began: Any = None) -> None:
    """Raises InvalidInput for times that cannot be."""
    latest, began = timezone.now() + CLOCK_SLACK, report.started_at or began
    errors = [
        FieldError(name, "This lies in the future.", "future")
        for name, at in (("started_at", report.started_at), ("finished_at", report.finished_at))
        if at is not None and at > latest
    ]
    if report.finished_at is not None and not ended:
        errors.append(FieldError("finished_at", "It has not ended: report a final status with it.", "status"))
    if report.finished_at is not None and began is not None and report.finished_at < began:
        errors.append(FieldError("finished_at", "It ended before it started.", "order"))
    if report.started_at is not None and report.status == RunState.QUEUED:
        errors.append(FieldError("started_at", "It is queued, so it has not started.", "status"))
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)
