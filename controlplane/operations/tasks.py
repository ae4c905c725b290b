"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from controlplane.operations.carrying.work import work


@shared_task(name="controlplane.operations.tasks.work_on")
def work_on(operation_id: int) -> None:
    work(operation_id)
