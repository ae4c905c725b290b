"""Waiting for a client that does not read."""

from __future__ import annotations

import asyncio


class Drain:
    """The producer that a Twisted transport pauses at 64 KiB of unsent bytes and resumes when they have left."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        """The connection is gone: nobody shall wait for it."""
        self._open.set()

    async def wait(self) -> None:
        await self._open.wait()
