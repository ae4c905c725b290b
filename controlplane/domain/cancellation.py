"""One token per attempt: how a cancel or a deadline reaches a call in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controlplane.domain.failures import Cancelled, TimedOut
from controlplane.domain.words import noun_for


def limit_of(seconds: float, whose: str = "") -> str:
    """For messages: "the step's 20 seconds", or "20 seconds" when it is nobody's."""
    text = f"{seconds:,.10g} {noun_for(seconds, 'seconds')}"
    return f"the {whose}'s {text}" if whose else text


class CancelToken:
    """Says when to stop, and interrupts what cannot look: callbacks run once, on the thread that cancels.

    `deadline` is in `time.monotonic()` seconds, or None for no limit; `limit` says which one it is, as `limit_of` does.
    """

    def __init__(self, *, timeout_seconds: float | None = None, whose: str = "") -> None:
        self.deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self.limit = "" if timeout_seconds is None else limit_of(timeout_seconds, whose)
        self.reason = ""
        self._flag = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], object]] = []

    @property
    def cancelled(self) -> bool:
        return self._flag.is_set()

    def remaining(self) -> float | None:
        """Seconds until the deadline, never below zero; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def within(self, seconds: float, whose: str) -> CancelToken:
        """Another one with the tighter of the two limits. It is not cancelled with this one by itself."""
        inner = CancelToken(timeout_seconds=seconds, whose=whose)
        if self.deadline is not None and inner.deadline is not None and self.deadline <= inner.deadline:
            inner.deadline, inner.limit = self.deadline, self.limit
        return inner

    def cancel(self, reason: str = "cancelled") -> None:
        with self._lock:
            if self._flag.is_set():
                return
            self.reason = reason
            self._flag.set()
            interrupts, self._interrupts = self._interrupts, []
        for interrupt in interrupts:
            interrupt()

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """While the block runs, a cancel calls `interrupt` (thread-safe, must not raise)."""
        with self._lock:
            if not self._flag.is_set():
                self._interrupts.append(interrupt)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                if interrupt in self._interrupts:
                    self._interrupts.remove(interrupt)

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake at once on cancel or deadline. True when cancelled."""
        remaining = self.remaining()
        return self._flag.wait(seconds if remaining is None else min(seconds, remaining))

    def check(self) -> None:
        """Raise `Cancelled` or `TimedOut` when it is time to stop."""
        if self._flag.is_set():
            raise Cancelled(f"The work was stopped: {self.reason}.")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise TimedOut(f"The time limit was reached: {self.limit}.")
