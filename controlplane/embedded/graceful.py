"""Daphne that ends politely: it stops listening, lets requests finish, then goes."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

# Daphne comes first: it must be the one that chooses Twisted's reactor.
from daphne.server import reactor
from twisted.internet import defer
from twisted.internet.endpoints import AdoptedStreamServerEndpoint

from controlplane.embedded.backpressure import BackpressureServer

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
LOOK_AGAIN = 0.05


class GracefulServer(BackpressureServer):
    """Serves what comes to `listening`, which others may listen to as well; calls `ready` once it does.

    SIGTERM or SIGINT ends it once no request is in flight, after `grace` seconds at the latest, a second one at once.
    `failed` tells whether it could listen.
    """

    grace = 8.0

    def __init__(self, *, listening: socket.socket, ready: Callable[[], None] = lambda: None, **options: Any) -> None:
        # It refuses to be made without any, and knows none that is open already.
        super().__init__(signal_handlers=False, endpoints=["adopted"], **options)
        self.endpoints: list[str] = []
        self.listening, self.ready = listening, ready
        self.ports: list[Any] = []
        self.leave_at: float | None = None
        self.failed = False

    def run(self) -> None:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: reactor.callFromThread(self.leave))
        reactor.callWhenRunning(self.listen)
        super().run()

    def listen(self) -> None:
        opened = self.listening
        endpoint = AdoptedStreamServerEndpoint(reactor, opened.fileno(), opened.family)
        endpoint.listen(self.http_factory).addCallback(self.listen_success).addErrback(self.listen_error)

    def listen_success(self, port: Any) -> None:
        # What was loaded by now stays as long as the process; walking it again and again stops every socket for 0.1 s.
        gc.freeze()
        # Twisted would take a hundred at once, and leave nothing to the other processes.
        port.numberAccepts = 1
        self.ports.append(port)
        super().listen_success(port)
        self.ready()

    def listen_error(self, failure: Any) -> None:
        self.failed = True
        super().listen_error(failure)

    def leave(self) -> None:
        """Begin to end: no new connections, sockets closed, requests finished."""
        if self.leave_at is not None:
            self.stop()
            return
        self.leave_at = time.monotonic() + self.grace
        for port in self.ports:
            port.stopListening()
        for protocol in list(self.connections):
            if hasattr(protocol, "serverClose") and protocol.state != protocol.STATE_CONNECTING:
                # serverClose knows only the codes that applications may use.
                protocol.sendCloseFrame(code=GOING_AWAY)
        self.leave_when_idle()

    def leave_when_idle(self) -> None:
        if self.is_idle() or time.monotonic() > (self.leave_at or 0):
            self.stop()
        else:
            asyncio.get_event_loop().call_later(LOOK_AGAIN, self.leave_when_idle)

    def is_idle(self) -> bool:
        """Whether no HTTP request is being answered."""
        return not any(
            "application_instance" in details and not details["application_instance"].done()
            for protocol, details in self.connections.items()
            if not hasattr(protocol, "serverClose")
        )

    def kill_all_applications(self) -> Any:
        """End what still runs; connections that wait for their next request have nothing to end."""
        running = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details and not details["application_instance"].done()
        ]
        for task in running:
            task.cancel()
        ended = asyncio.gather(*running, return_exceptions=True)
        return defer.Deferred.fromFuture(ended) if running else None
