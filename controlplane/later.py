"""Answers that take long elsewhere: no thread and no database connection waits for them, only a coroutine does.

A view that needs something which a worker makes raises `Awaited`. When every transaction of the request has been rolled
back, `begin` asks the worker; the handler waits for the `Errand` and then asks the same request once more, from the
first middleware on, with `request.errand` set, so that session, messages, time zone and nonce are those of one request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Errand:
    """Something that was asked for. `until` comes back when it can be answered, whatever the answer is, and never later
    than its deadline; `abandon` is called on a thread when whoever asked has left.
    """

    key: Any
    until: Callable[[], Awaitable[None]]
    abandon: Callable[[], object]


class Awaited(Exception):
    """What a view raises where the answer is not there yet. `begin` runs outside of any transaction; it may refuse."""

    def __init__(self, begin: Callable[[], Errand]) -> None:
        super().__init__("The answer is awaited.")
        self.begin = begin


class Later(HttpResponse):
    """Stands in for the answer on its way out through the middleware. Nobody gets to see it."""

    status_code = 202

    def __init__(self, errand: Errand, request: HttpRequest) -> None:
        super().__init__("The answer is not there yet.", content_type="text/plain")
        self.errand = errand
        # The second asking is not counted again.
        self.rate = getattr(request, "rate", None)


def can_await(request: HttpRequest) -> bool:
    """Whether the handler of this request knows `Later`. Django's test client does not: there, the thread that asks
    does itself what a worker would.
    """
    return hasattr(request, "errand")


async def arrives(errand: Errand, leaving: Awaitable[object]) -> bool:
    """Wait for the errand; False when `leaving` (of who asked) came first, or this was cancelled as it was."""
    arriving, left = asyncio.ensure_future(errand.until()), asyncio.ensure_future(leaving)
    try:
        await asyncio.wait({arriving, left}, return_when=asyncio.FIRST_COMPLETED)
        return arriving.done()
    finally:
        arriving.cancel()
        left.cancel()
        await asyncio.gather(arriving, left, return_exceptions=True)
