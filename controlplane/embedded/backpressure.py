"""What Daphne lacks: `await send()` waits while the client does not read, so nothing piles up."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from daphne.server import Server

from controlplane.embedded.channel import Factory
from controlplane.embedded.drain import Drain
from controlplane.embedded.reception import Limits


class BackpressureServer(Server):
    """Daphne with limits, whose applications are held up by a client that does not read."""

    def __init__(self, *, limits: Limits, **options: Any) -> None:
        super().__init__(**options)
        self.limits = limits
        self._drains: WeakKeyDictionary[Any, Drain] = WeakKeyDictionary()

    @property
    def http_factory(self) -> Factory:
        return self._http_factory

    @http_factory.setter
    def http_factory(self, made: Any) -> None:
        """`run` makes Daphne's own and listens with what it then finds here."""
        self._http_factory = Factory(self, self.limits)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await self.make_room(getattr(protocol, "channel", None))
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.accept" and protocol.connected:
            self._drains[protocol] = drain = Drain()
            # The HTTP channel that the socket was upgraded from is still registered.
            protocol.transport.unregisterProducer()
            protocol.transport.registerProducer(drain, True)
        elif message["type"] == "websocket.send" and protocol in self._drains:
            await self._drains[protocol].wait()

    async def make_room(self, channel: Any) -> None:
        """Wait until the client has read what was sent before; end the connection of one that does not.

        `channel` is None once the answer has ended.
        """
        if channel is None:
            return
        try:
            await asyncio.wait_for(channel.drain.wait(), self.limits.answer_seconds)
        except TimeoutError:
            channel.transport.abortConnection()
