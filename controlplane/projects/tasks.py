"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from controlplane.projects.people import letters


@shared_task(name="controlplane.projects.tasks.send_letter")
def send_letter(pk: int) -> None:
    letters.send(pk)
