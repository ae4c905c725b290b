"""The event loop: one look at the database for all that is awaited in this process, soon at first, then calmly."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

from agents.models import Trial
from agents.trials.alive import awaited, longest, patience
from agents.trials.bell import wake_worker

logger = logging.getLogger(__name__)
# The only threads that trials need in a web process, whatever their number.
LOOKING = ThreadPoolExecutor(1, thread_name_prefix="trials")
RINGING = ThreadPoolExecutor(1, thread_name_prefix="trials-bell")
SOONEST, LATEST = 0.025, 0.5
# For what the database cannot decide because it is away.
MORE_SECONDS = 10.0


async def until(pk: Any) -> None:
    """Comes back when there is nothing more to wait for."""
    await _looks.setdefault(asyncio.get_running_loop(), Look()).until(pk)


class Look:
    def __init__(self) -> None:
        self.waiting: dict[Any, tuple[asyncio.Future[None], float]] = {}
        self.task: asyncio.Task[None] | None = None

    async def until(self, pk: Any) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[pk] = future, time.monotonic()
        RINGING.submit(wake_worker)
        if self.task is None or self.task.done():
            self.task = asyncio.ensure_future(self.go_on())
        try:
            async with asyncio.timeout((patience() + longest()).total_seconds() + MORE_SECONDS):
                await future
        except TimeoutError:
            logger.warning("A trial was given up", extra={"action": "trial_given_up"})
        finally:
            del self.waiting[pk]

    async def go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self.waiting:
            await asyncio.sleep(self.pause())
            try:
                over = await loop.run_in_executor(LOOKING, settled, list(self.waiting))
            except Exception as error:
                logger.warning("Trials wait for the database", extra={"action": "trials_wait", "error": str(error)})
                continue
            for pk in over & self.waiting.keys():
                future = self.waiting[pk][0]
                if not future.done():
                    future.set_result(None)
            # Whoever was told takes itself off the list now.
            await asyncio.sleep(0)

    def pause(self) -> float:
        """A quarter of the time that the newest one has taken so far."""
        newest = max((since for _, since in self.waiting.values()), default=0.0)
        return min(max((time.monotonic() - newest) / 4, SOONEST), LATEST)


def settled(ids: Collection[Any]) -> set[Any]:
    """Those of `ids` that nobody need wait for any more: done, lost or gone."""
    try:
        return set(ids) - set(Trial.objects.filter(awaited(), pk__in=ids).values_list("pk", flat=True))
    finally:
        connection.close()


_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, Look] = WeakKeyDictionary()
