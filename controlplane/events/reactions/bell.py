"""After commit: there is something for reactions. A bell may be lost; the sweep looks every second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from controlplane.domain.database import lend_connection
from controlplane.domain.queueing import send_task
from controlplane.events.reactions.declared import wanted
from controlplane.events.reactions.reacting import react

TASK = "controlplane.events.tasks.react"
# One message a process in this time. Whoever answers looks again for longer than that, so none is missed by it.
QUIET_SECONDS = 0.1
# What was just committed becomes readable when older transactions have ended.
ECHOES = (0.05, 0.15, 0.4)
_quiet_until = 0.0
_answering = threading.Lock()
_rung = threading.Event()


def ring_if_wanted(types: Iterable[str]) -> None:
    """Events of these types were committed just now: ring when any reaction wants one."""
    if wanted and not wanted.isdisjoint(types):
        ring_soon()


def ring_soon() -> None:
    """At most one message in a while, however many commit."""
    global _quiet_until
    if time.monotonic() >= _quiet_until:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        send_task(TASK)
        _quiet_until = time.monotonic() + QUIET_SECONDS


def answer() -> None:
    """React until nothing is left. One thread of a process does it; the others only tell it to look again."""
    _rung.set()
    while _rung.is_set() and _answering.acquire(blocking=False):
        try:
            react_while_rung()
        finally:
            _answering.release()


def react_while_rung() -> None:
    """Until nothing is left, then at each of ECHOES again, unless another bell starts over."""
    _rung.clear()
    for pause in (0.0, *ECHOES):
        lend_connection()
        if _rung.wait(pause):
            return
        while react():
            pass
