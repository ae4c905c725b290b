"""What Daphne lacks: `await send()` on a websocket waits while the client does not read, so nothing piles up."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from daphne.server import Server


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


class BackpressureServer(Server):
    """Daphne whose websocket applications are held up by a client that does not read."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._drains: WeakKeyDictionary[Any, Drain] = WeakKeyDictionary()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.accept" and protocol.connected:
            self._drains[protocol] = drain = Drain()
            # The HTTP channel that the socket was upgraded from is still registered.
            protocol.transport.unregisterProducer()
            protocol.transport.registerProducer(drain, True)
        elif message["type"] == "websocket.send" and protocol in self._drains:
            await self._drains[protocol].wait()
