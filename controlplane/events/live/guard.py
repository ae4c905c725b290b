"""Whoever loses access loses the socket: one query every two seconds looks after all sockets of the process."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from controlplane.events.live.hub import in_thread
from controlplane.projects.tokens.principals import Principal, Standing, standing

logger = logging.getLogger(__name__)
CHECK_SECONDS = 2.0
# The set of projects has changed; a client that connects again gets the new one.
TRY_AGAIN = 4409


class Watch:
    """One socket's claim. `ended` becomes the code to close it with."""

    def __init__(self, principal: Principal, project_ids: tuple[int, ...]) -> None:
        self.pairs = [(principal, project_id) for project_id in project_ids]
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class Guard:
    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self._task: asyncio.Task | None = None

    def add(self, watch: Watch) -> None:
        self.watches.add(watch)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._patrol())

    def discard(self, watch: Watch) -> None:
        self.watches.discard(watch)

    async def _patrol(self) -> None:
        while self.watches:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check({pair for watch in self.watches for pair in watch.pairs})
            except Exception as error:
                logger.warning("Access was not checked", extra={"action": "access_unchecked", "error": repr(error)})

    async def _check(self, pairs: set[tuple[Principal, int]]) -> None:
        found = await in_thread(standing, pairs)
        for watch in list(self.watches):
            code = closing_code([found.get(pair, Standing.MEMBER) for pair in watch.pairs])
            if code and not watch.ended.done():
                watch.ended.set_result(code)


def closing_code(standings: list[Standing]) -> int:
    """0 to stay open."""
    if Standing.SIGNED_OUT in standings:
        return Standing.SIGNED_OUT
    if Standing.NOT_A_MEMBER not in standings:
        return 0
    return TRY_AGAIN if Standing.MEMBER in standings else Standing.NOT_A_MEMBER


_guards: WeakKeyDictionary[asyncio.AbstractEventLoop, Guard] = WeakKeyDictionary()


def guard() -> Guard:
    """The one of this process (of this event loop)."""
    return _guards.setdefault(asyncio.get_running_loop(), Guard())
