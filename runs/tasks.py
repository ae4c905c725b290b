"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from controlplane.domain.errors import ActionRefused
from controlplane.projects.actors import SYSTEM
from runs.engine import children, control, work
from runs.models import RUN_LIVE, Run


@shared_task(name="runs.tasks.execute_step")
def execute_step(step_id: int) -> None:
    work.work(step_id)


@shared_task(name="runs.tasks.settle_child")
def settle_child(step_id: int) -> None:
    children.settle_child(step_id)


@shared_task(name="runs.tasks.stop_child")
def stop_child(step_id: int) -> None:
    """The parent is stopping: so does the run its step waits for."""
    for run in Run.objects.filter(parent_step_id=step_id, state__in=RUN_LIVE):
        try:
            control.request_stop(run.pk, by=SYSTEM, reason="The run that started this one was stopped.")
        except ActionRefused:
            continue
