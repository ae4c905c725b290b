"""One call under way: its deadline, whether bytes have left, and the socket a cancel must break."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure, TimedOut

_current = threading.local()


class OutboundCall:
    """Each read and write of its thread asks it for the time left, so a dripping server cannot stretch it."""

    def __init__(self, token: CancelToken, *, timeout_seconds: float | None) -> None:
        self.token = token
        tighter = token if timeout_seconds is None else token.within(timeout_seconds, "")
        self.deadline, self.limit = tighter.deadline, tighter.limit or "the time limit"
        self.sent = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def remaining(self, ceiling: float | None = None) -> float | None:
        """Seconds a socket operation may take; raises `Cancelled` or `TimedOut` when there are none left."""
        if self.token.cancelled:
            raise self.cancelled()
        if self.deadline is None:
            return ceiling
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.timed_out()
        return left if ceiling is None else min(left, ceiling)

    def on(self, sock: socket.socket | None) -> None:
        """The call now waits on this socket, or on none."""
        with self._lock:
            self._socket = sock

    def interrupt(self) -> None:
        """Break the socket under a blocked read. Runs on the thread that cancels."""
        with self._lock:
            if self._socket is not None:
                break_socket(self._socket)

    def failure(self, otherwise: Failure) -> Failure:
        """Why the call really ended: the cancel or the deadline if there was one, else `otherwise`."""
        if self.token.cancelled:
            return self.cancelled()
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return self.timed_out()
        return otherwise

    def cancelled(self) -> Cancelled:
        return Cancelled(f"The call was stopped: {self.token.reason}.", acted=self.sent)

    def timed_out(self) -> TimedOut:
        return TimedOut(f"The server did not answer in full within {self.limit}.", acted=self.sent)


def break_socket(sock: socket.socket) -> None:
    """Wake who is blocked on the socket. Not `SSLSocket.shutdown`: that pulls TLS from under its reader."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass


def current_call() -> OutboundCall:
    """Of this thread. Raises AttributeError outside of `making`."""
    return _current.call


@contextmanager
def making(call: OutboundCall) -> Iterator[None]:
    """Inside, this thread makes `call`: cancelling its token breaks the socket at once."""
    outer = getattr(_current, "call", None)
    _current.call = call
    try:
        with call.token.interrupting(call.interrupt):
            yield
    finally:
        call.on(None)
        _current.call = outer
