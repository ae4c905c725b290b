"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task

from agents.health.domain import probe_now


@shared_task(name="agents.tasks.probe")
def probe(kind: str, pk: int) -> None:
    probe_now(kind, pk)
