"""Calling workers after commit: a message for each step, or one mark for all steps that are done in a moment.

Such steps are taken by the dozen (`taking.py`), so that one call is enough while nobody has answered the last one.
Whatever gets lost, the sweep rings again and workers with room look by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from controlplane.domain.queueing import send_task
from controlplane.domain.valkey import key, valkey
from runs.engine.sql import Row, release_connection
from workflows.kinds import KINDS

INSTANT = [kind.name for kind in KINDS.values() if kind.instant]
# A call that was not answered by then is repeated with the next step. Milliseconds.
ANSWER_MS = 100
VALKEY_SECONDS = 0.5
AWAY_SECONDS = 2.0
_away_until = 0.0


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
    called = key("called", queue)
    is_first = ask(lambda client: client.set(called, "1", nx=True, px=ANSWER_MS), otherwise=True)
    return send_task("runs.tasks.take_due", queue, queue=queue) if is_first else True


def answered(queue: str) -> None:
    """From now on the next step is called for. Where it cannot be told, the call ends by itself."""
    ask(lambda client: client.delete(key("called", queue)), otherwise=0)


def ask(question: Callable[[Redis], object], *, otherwise: object) -> object:
    """Valkey's answer, holding no connection of the database; `otherwise` while it is away or slow.

    One thread finds that out, and the others do not wait for it.
    """
    global _away_until
    if time.monotonic() < _away_until:
        return otherwise
    release_connection()
    try:
        return question(valkey(VALKEY_SECONDS))
    except RedisError:
        _away_until = time.monotonic() + AWAY_SECONDS
        return otherwise
