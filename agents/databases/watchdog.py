"""Stops a statement in flight: when its token is cancelled, or its deadline has passed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controlplane.domain.cancellation import CancelToken

GRACE_SECONDS = 0.1


@contextmanager
def watched(stop: Callable[[int], object], *, token: CancelToken, deadline: float, pause: float) -> Iterator[None]:
    """While the block runs, a cancel or the deadline (monotonic seconds) calls `stop(0)`, and again every `pause`
    seconds with a rising number until the block ends: one stop may come just before the statement starts.

    `stop` runs on a thread of its own and never after the block.
    """
    woken, finished = threading.Event(), threading.Event()

    def watch() -> None:
        woken.wait(max(0.0, deadline + GRACE_SECONDS - time.monotonic()))
        attempt = 0
        while not finished.is_set():
            _quietly(stop, attempt)
            attempt += 1
            finished.wait(pause)

    thread = threading.Thread(target=watch, name="query-watchdog", daemon=True)
    with token.interrupting(woken.set):
        thread.start()
        try:
            yield
        finally:
            finished.set()
            woken.set()
            thread.join()


def _quietly(stop: Callable[[int], object], attempt: int) -> None:
    try:
        stop(attempt)
    except Exception:
        # The statement may have ended, or the connection closed, in the meantime.
        return
