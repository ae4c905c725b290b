"""What bells call: load, act, nothing else."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from agents.health import look
from agents.trials.hands import hands


@shared_task(name="agents.tasks.probe")
def probe(kind: str, pk: int) -> None:
    look(kind, pk)


@worker_ready.connect
def begin_trials(sender, **_: object) -> None:
    """Workers with threads make trials, too; the processes of a prefork pool compute."""
    if "prefork" not in type(sender.pool).__module__:
        hands.start()


@worker_shutting_down.connect
def end_trials(**_: object) -> None:
    hands.stop()
