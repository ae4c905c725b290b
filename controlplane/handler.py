"""From ASGI to Django: a request is answered in one go on a thread of a pool."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from io import BytesIO
from os import SEEK_END
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from controlplane.later import Errand, Later, arrives

logger = logging.getLogger(__name__)
# Nothing outside is waited for on these (see controlplane/later.py); the database pool limits them long before.
THREADS = ThreadPoolExecutor(64, thread_name_prefix="request")


class OneThreadHandler(ASGIHandler):
    """Django's own makes a thread for each request and changes to it for every signal, for the view and for the end."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            with await self.read_body(receive) as file:
                # At most MAX_BODY_BYTES; whoever reads a file of it closes it, and it may be asked twice.
                body = file.read()
        except RequestAborted:
            return
        response = await self.on_a_thread(self.answer, scope, body)
        if isinstance(response, Later):
            response = await self.later(response, scope, body, receive)
        if response is None:
            return
        if response.streaming:
            await self.stream(response, receive, send)
        else:
            await self.send_response(response, send)

    async def on_a_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        call = partial(copy_context().run, function, *args)
        return await asyncio.get_running_loop().run_in_executor(THREADS, call)

    async def later(self, first: Later, scope: Any, body: bytes, receive: Any) -> HttpResponseBase | None:
        """The answer, once what it needs has arrived; None when the client left meanwhile."""
        arrived = False
        try:
            arrived = await arrives(first.errand, self.listen_for_disconnect(receive))
        finally:
            if not arrived:
                THREADS.submit(abandon, first.errand)
        if not arrived:
            return None
        return await self.on_a_thread(self.answer, scope, body, first)

    def answer(self, scope: Any, body: bytes, later: Later | None = None) -> HttpResponseBase:
        """The response; this thread's database connection is back in the pool."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        with BytesIO(body) as file:
            request, refusal = self.create_request(measured(scope, file), file)
            if request:
                told = {"errand": later.errand, "rate": later.rate} if later else {"errand": None}
                vars(request).update(told)
            response: Any = self.get_response(request) if request else refusal
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            close_old_connections()
        else:
            response.close()
        return response

    async def stream(self, response: Any, receive: Any, send: Any) -> None:
        """Send what comes until it ends or the client leaves."""
        if not response.is_async:
            response.streaming_content = piece_by_piece(response.streaming_content)
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            sent, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
            await sync_to_async(response.close)()
        if isinstance(sent, Exception):
            raise sent


def measured(scope: Any, body: IO[bytes]) -> Any:
    """`scope` with the length that `body` has: who sends in chunks announces none, and Django would read nothing."""
    length = b"%d" % body.seek(0, SEEK_END)
    body.seek(0)
    sent = [header for header in scope["headers"] if header[0] != b"content-length"]
    return {**scope, "headers": [*sent, (b"content-length", length)] if length != b"0" else sent}


def abandon(errand: Errand) -> None:
    try:
        errand.abandon()
    except Exception:
        logger.exception("What nobody waits for could not be stopped", extra={"action": "abandon_failed"})
    finally:
        close_old_connections()


async def piece_by_piece(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A file, say, read on the pool's threads. Django would hold the whole of it before the first byte leaves."""
    loop, pieces = asyncio.get_running_loop(), iter(content)
    while (piece := await loop.run_in_executor(THREADS, next, pieces, None)) is not None:
        yield piece
