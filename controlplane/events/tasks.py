"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from controlplane.events.reactions import bell


@shared_task(name="controlplane.events.tasks.react")
def react() -> None:
    bell.answer()
