"""Blocking work that nobody can interrupt (name resolution, a database handshake), made abandonable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import TimedOut

Result = TypeVar("Result")


def in_background(
    work: Callable[[], Result],
    *,
    token: CancelToken,
    deadline: float | None = None,
    discard: Callable[[Result], object] | None = None,
) -> Result:
    """Run `work` on a thread of its own and wait; on cancel or deadline (monotonic) leave it behind.

    A result that comes too late is handed to `discard`. Raises what `work` raised, `Cancelled`, `TimedOut`.
    """
    future: Future[Result] = Future()
    woken = threading.Event()
    future.add_done_callback(lambda _: woken.set())
    threading.Thread(target=_fulfil, args=(future, work), name="outbound-background", daemon=True).start()
    try:
        with token.interrupting(woken.set):
            woken.wait(_patience(token, deadline))
        if future.done():
            return future.result()
        token.check()
        raise TimedOut("The time limit was reached.")
    finally:
        if not future.done() and discard is not None:
            future.add_done_callback(lambda late: late.exception() or discard(late.result()))


def _patience(token: CancelToken, deadline: float | None) -> float | None:
    limits = [limit for limit in (deadline, token.deadline) if limit is not None]
    return max(0.0, min(limits) - time.monotonic()) if limits else None


def _fulfil(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
