"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from controlplane.jobs.work import work


@shared_task(name="controlplane.jobs.tasks.work_on")
def work_on(job_id: int) -> None:
    work(job_id)
