"""Calling workers after commit: a message for each step, or one mark for all steps that are done in a moment.

Such steps are taken by the dozen (`taking.py`), so that one call is enough while nobody has answered the last one.
Whatever gets lost, the sweep rings again and workers with room look by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection
from redis.exceptions import RedisError

from controlplane.domain.queueing import send_task
from controlplane.domain.valkey import key, valkey
from runs.engine.sql import Row
from workflows.kinds import KINDS

INSTANT = [kind.name for kind in KINDS.values() if kind.instant]
# A call that was not answered by then is repeated with the next step. Milliseconds.
ANSWER_MS = 100
VALKEY_SECONDS = 0.5


class Bell(NamedTuple):
    """A step that a worker is called for; one that is `instant` is taken with others of its queue."""

    step: int
    run: int
    queue: str
    instant: bool = False


def bell_for(run_id: int, step: Row) -> Bell:
    """For a step {"id", "queue"}; one whose "uses" and "slot_key" are not told is called for by itself."""
    instant = step.get("uses") in INSTANT and not step.get("slot_key", "unknown")
    return Bell(step["id"], run_id, step["queue"], instant)


def call_workers(bells: Iterable[Bell]) -> bool:
    """False when the broker does not answer: then the rest is not tried."""
    bells = list(bells)
    asked = {bell.queue for bell in bells if bell.instant}
    calls = [lambda queue=queue: call_for(queue) for queue in sorted(asked)]
    calls += [lambda bell=bell: send_task("runs.tasks.execute_step", bell.step, bell.run, queue=bell.queue)
              for bell in bells if not bell.instant]  # fmt: skip
    return all(call() for call in calls)


def call_for(queue: str) -> bool:
    """Somebody takes what is due, unless somebody was called already and has not answered."""
    if not connection.in_atomic_block:
        connection.close()
    try:
        if not valkey(VALKEY_SECONDS).set(key("called", queue), "1", nx=True, px=ANSWER_MS):
            return True
    except RedisError:
        pass
    return send_task("runs.tasks.take_due", queue, queue=queue)


def answered(queue: str) -> None:
    """From now on the next step is called for."""
    try:
        valkey(VALKEY_SECONDS).delete(key("called", queue))
    except RedisError:
        # It ends by itself.
        pass
