"""One reader a process for each stream that is watched: however many sockets look at a run, a bell costs one query."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from controlplane.events import queries
from controlplane.events.live.notify import subject_group
from controlplane.events.live.readers import NET_SECONDS, PAGE, Frame, Reader, SubjectReader

logger = logging.getLogger(__name__)
# All sockets of a process share these threads and so never hold more connections than this.
threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live")
RING_FRAMES = 1000
RING_BYTES = 1024 * 1024
# A stream is read at most so often, whatever rings.
GAP_SECONDS = 0.02
BELL_SECONDS = 2
TRY_AGAIN_SECONDS = 1


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function that asks the database."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=threads)(*args)


class Source:
    """One watched stream. `ring` holds the newest frames, everything after `floor` up to `head`."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.ring: deque[Frame] = deque()
        self.ring_bytes = 0
        self.floor: Any = None
        self.head: Any = None
        self.watchers = 0
        self.changed = asyncio.Event()
        self._rung = asyncio.Event()
        self._started: asyncio.Task | None = None
        self._task: asyncio.Task | None = None

    async def start(self) -> None:
        """Find out where the stream is now. All first watchers wait for the same answer."""
        if self._started is None or (self._started.done() and self._started.exception()):
            self._started = asyncio.ensure_future(self._begin())
        await asyncio.shield(self._started)

    async def _begin(self) -> None:
        self.floor = self.head = await in_thread(self.reader.head)
        self._task = asyncio.ensure_future(self._follow())

    def stop(self) -> None:
        for task in (self._started, self._task):
            if task:
                task.cancel()

    def ring_bell(self, seq: int | None = None) -> None:
        """Something is new; with `seq`, only if the stream is not there yet."""
        if seq is None or self.head is None or seq > self.head:
            self._rung.set()

    async def frames_after(self, position: Any) -> list[Frame]:
        """The next frames after `position`, at most a page; empty when there are none yet."""
        if position < self.floor:
            return await in_thread(self.reader.after, position)
        start = bisect_right(self.ring, position, key=lambda frame: frame.position)
        return list(islice(self.ring, start, start + PAGE))

    async def _follow(self) -> None:
        looks = iter(self.reader.echoes)
        while True:
            try:
                async with asyncio.timeout(next(looks, self.reader.idle)):
                    await self._rung.wait()
                looks = iter(self.reader.echoes)
            except TimeoutError:
                pass
            self._rung.clear()
            await self._read_or_try_again()
            await asyncio.sleep(GAP_SECONDS)

    async def _read_or_try_again(self) -> None:
        try:
            await self._read()
        except Exception as error:
            logger.warning("A live stream waits", extra={"action": "stream_waits", "error": repr(error)})
            asyncio.get_running_loop().call_later(TRY_AGAIN_SECONDS, self._rung.set)

    async def _read(self) -> None:
        more = True
        while more:
            frames = await in_thread(self.reader.after, self.head)
            if frames:
                self._publish(frames)
            more = len(frames) == PAGE

    def _publish(self, frames: list[Frame]) -> None:
        self.ring.extend(frames)
        self.ring_bytes += sum(len(frame.text) for frame in frames)
        self.head = frames[-1].position
        while len(self.ring) > RING_FRAMES or self.ring_bytes > RING_BYTES:
            gone = self.ring.popleft()
            self.ring_bytes -= len(gone.text)
            self.floor = gone.position
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Hub:
    """The sources of this process, the groups they listen to, and the net below them."""

    def __init__(self) -> None:
        self.sources: dict[Reader, Source] = {}
        self.listeners: dict[str, set[Source]] = {}
        self.joined: set[str] = set()
        self._retune = asyncio.Event()
        self._tasks: list[asyncio.Task] = []

    @asynccontextmanager
    async def watch(self, reader: Reader) -> AsyncIterator[Source]:
        """The shared source of `reader`, kept as long as somebody watches it."""
        source = self.sources.get(reader) or self._open(reader)
        source.watchers += 1
        try:
            await source.start()
            yield source
        finally:
            source.watchers -= 1
            if not source.watchers:
                self._close(source)

    def _open(self, reader: Reader) -> Source:
        source = self.sources[reader] = Source(reader)
        for group in reader.groups:
            self.listeners.setdefault(group, set()).add(source)
        self._retune.set()
        if not self._tasks:
            self._tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._cast_net())]
        return source

    def _close(self, source: Source) -> None:
        source.stop()
        del self.sources[source.reader]
        for group in source.reader.groups:
            self.listeners[group].discard(source)
            if not self.listeners[group]:
                del self.listeners[group]
        self._retune.set()

    async def _listen(self) -> None:
        """Join the groups of what is watched and leave the others, for ever; a layer that is away is asked again."""
        layer, channel = get_channel_layer(), ""
        while True:
            await self._retune.wait()
            self._retune.clear()
            try:
                async with asyncio.timeout(BELL_SECONDS):
                    channel = channel or await self._new_channel(layer)
                    await self._join_and_leave(layer, channel)
            except Exception as error:
                logger.warning("Bells are not heard", extra={"action": "bells_not_heard", "error": repr(error)})
                await asyncio.sleep(TRY_AGAIN_SECONDS)
                self._retune.set()

    async def _new_channel(self, layer: Any) -> str:
        channel = await layer.new_channel()
        self._tasks.append(asyncio.ensure_future(self._hear(layer, channel)))
        return channel

    async def _join_and_leave(self, layer: Any, channel: str) -> None:
        for group in self.listeners.keys() - self.joined:
            await layer.group_add(group, channel)
            self.joined.add(group)
            # What rang before we listened.
            for source in self.listeners.get(group, ()):
                source.ring_bell()
        for group in self.joined - self.listeners.keys():
            self.joined.discard(group)
            await layer.group_discard(group, channel)

    async def _hear(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            for source in self.listeners.get(subject_group(message["kind"], message["id"]), ()):
                source.ring_bell(message.get("seq"))

    async def _cast_net(self) -> None:
        """Every two seconds, find what no bell told of."""
        while True:
            await asyncio.sleep(NET_SECONDS)
            try:
                await self._look_for_missed()
            except Exception as error:
                logger.warning("The net was not cast", extra={"action": "net_not_cast", "error": repr(error)})

    async def _look_for_missed(self) -> None:
        readers = [reader for reader in self.sources if isinstance(reader, SubjectReader)]
        if not readers:
            return
        seqs = await in_thread(queries.last_seqs, [(reader.kind, reader.subject_id) for reader in readers])
        for reader in readers:
            if reader in self.sources:
                self.sources[reader].ring_bell(seqs.get((reader.kind, reader.subject_id)))


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The one of this process (of this event loop)."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
