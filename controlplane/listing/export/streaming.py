"""From a blocking generator to an ASGI response, with bounded memory and nothing left behind when the reader goes."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator

from django.db import connection

from controlplane.domain.errors import Unavailable

logger = logging.getLogger(__name__)
# What the database has said is kept in a file until the reader takes it, so that a slow one holds no connection.
AHEAD_BYTES = 64 * 1024 * 1024
STREAMS_AT_ONCE = 8
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
        self._ahead = 0
        self._taken_at = 0.0
        self._gone = False
        self._changed = threading.Condition()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[tuple[int, int] | BaseException | None] = asyncio.Queue()
        self._taken_at = time.monotonic()
        threading.Thread(target=self._run, name="export", daemon=True).start()
        try:
            while place := await self._made.get():
                if isinstance(place, BaseException):
                    raise place
                offset, length = place
                yield os.pread(self._file.fileno(), length, offset)
                self._took(length)
        finally:
            self.close()

    def close(self) -> None:
        """The reader is done or gone."""
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _took(self, length: int) -> None:
        with self._changed:
            self._ahead -= length
            self._taken_at = time.monotonic()
            self._changed.notify_all()

    def _run(self) -> None:
        with _slots, tempfile.TemporaryFile(prefix="sparkops-export-") as self._file:
            try:
                self._make()
            except Exception as error:
                logger.exception("An export failed", extra={"action": "export_failed"})
                self._hand_over(error)
            finally:
                self._pieces.close()
                connection.close()
            self._wait_until(lambda: False)

    def _make(self) -> None:
        offset = 0
        for piece in self._pieces:
            if not self._wait_until(lambda: self._ahead < AHEAD_BYTES):
                return
            if piece:
                self._file.write(piece)
                self._file.flush()
                with self._changed:
                    self._ahead += len(piece)
                self._hand_over((offset, len(piece)))
                offset += len(piece)
        self._hand_over(None)

    def _wait_until(self, is_so: Callable[[], bool]) -> bool:
        """False when the reader has gone, or takes nothing any more."""
        with self._changed:
            while not self._gone and not is_so():
                left = self._taken_at + PATIENCE_SECONDS - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return not self._gone

    def _hand_over(self, item: tuple[int, int] | BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._made.put_nowait, item)
        except RuntimeError:
            self.close()
