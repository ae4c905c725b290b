"""Sending work to Celery: by task name, after commit, carrying ids only. Losing a message is allowed.

What waits in the database for a worker is told by the functions under `@waiting`: a worker with room takes it from
there when no message comes, so that a broker that is full, slow or away delays work by seconds and stops nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
# After a message that the broker did not take, nobody tries again for so long: each try may cost a second.
PAUSE_SECONDS = 2.0

Argument = int | str
Task = tuple[str, tuple[Argument, ...]]
# Which tasks of these queues wait for longer than they should, at most so many.
Source = Callable[[Collection[str], int], list[Task]]
sources: list[Source] = []
_pausing_until = 0.0


def waiting(source: Source) -> Source:
    """Register what tells the tasks that wait."""
    sources.append(source)
    return source


def enqueue(name: str, *args: Argument, queue: str | None = None) -> None:
    """Ask for task `name` once the current transaction has committed."""
    transaction.on_commit(lambda: send_task(name, *args, queue=queue), robust=True)


def send_task(name: str, *args: Argument, queue: str | None = None) -> bool:
    """Send the message now. False when the broker does not take it: the sweep asks again."""
    global _pausing_until
    if time.monotonic() < _pausing_until:
        return False
    if not connection.in_atomic_block:
        # A broker that hangs holds this thread for seconds, and with it nothing that others need.
        connection.close()
    try:
        current_app.send_task(name, args=args, queue=queue, ignore_result=True, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        _pausing_until = time.monotonic() + PAUSE_SECONDS
        logger.warning(
            "The broker did not take a message",
            extra={"action": "bell_lost", "task": name, "error": str(error)},
        )
        return False
    return True
