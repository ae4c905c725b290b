"""Sending work to Celery: by task name, after commit, carrying ids only. Losing a message is allowed."""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(name: str, *args: int | str, queue: str | None = None) -> None:
    """Ask for task `name` once the current transaction has committed."""
    transaction.on_commit(lambda: ring(name, *args, queue=queue), robust=True)


def ring(name: str, *args: int | str, queue: str | None = None) -> bool:
    """Send the message now. False when the broker does not answer: the sweep asks again."""
    try:
        current_app.send_task(name, args=args, queue=queue, ignore_result=True, retry=False)
    except (OperationalError, ConnectionError, OSError) as error:
        logger.warning(
            "The broker did not take a message",
            extra={"action": "bell_lost", "task": name, "error": str(error)},
        )
        return False
    return True
