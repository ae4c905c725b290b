"""From a blocking generator to an ASGI response, with bounded memory and nothing left behind when the reader goes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Generator

from django.db import connection

from controlplane.domain.errors import Unavailable

logger = logging.getLogger(__name__)
# Pieces made before the reader took the first of them.
AHEAD = 4
# Each stream holds a connection of the pool (20) for as long as it is read.
STREAMS_AT_ONCE = 4
# A reader that takes nothing for so long is gone, even if nobody said so.
PATIENCE_SECONDS = 60
_slots = threading.BoundedSemaphore(STREAMS_AT_ONCE)


class Stream:
    """An async iterator over `pieces`, which runs in a thread of its own with its own database connection.

    The thread, and not the request, owns the generator: an ASGI server may drop a request at any point, and only a
    thread's own `finally` is sure to give the connection back. Raises Unavailable while too many streams run.
    """

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        if not _slots.acquire(blocking=False):
            raise Unavailable(f"{STREAMS_AT_ONCE} exports are running already. Try again in a moment.")
        _slots.release()
        self._pieces = pieces
        self._room = threading.Semaphore(AHEAD)
        self._gone = threading.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        threading.Thread(target=self._run, name="export", daemon=True).start()
        try:
            while piece := await self._made.get():
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
                self._room.release()
        finally:
            self.close()

    def close(self) -> None:
        """The reader is done or gone."""
        self._gone.set()
        self._room.release()

    def _run(self) -> None:
        try:
            with _slots:
                self._make()
        except Exception as error:
            logger.exception("An export failed", extra={"action": "export_failed"})
            self._hand_over(error)
        finally:
            self._pieces.close()
            connection.close()

    def _make(self) -> None:
        for piece in self._pieces:
            if not self._room.acquire(timeout=PATIENCE_SECONDS) or self._gone.is_set():
                return
            if piece:
                self._hand_over(piece)
        self._hand_over(None)

    def _hand_over(self, item: bytes | BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._made.put_nowait, item)
        except RuntimeError:
            self._gone.set()
