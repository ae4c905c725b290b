"""Live sockets: `/ws/runs/ID?after=N` and `/ws/activity?after=CURSOR&project=SLUG`.

A socket is sent every event after its position, in order, each once, and `caught_up` when the past has been replayed.
Nothing is pushed at it: it takes from the shared source of its stream when it is ready for more, so a client that does
not read holds no more than what the connection itself buffers, and is closed.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from django.db import Error as DatabaseError
from psycopg_pool import PoolTimeout

from controlplane.events.live.guard import Watch, guard
from controlplane.events.live.handshake import Refused, Subscription, origin_is_ours, subscribe
from controlplane.events.live.hub import Source, hub, in_thread

# A batch of frames that the client has not taken after so long is its last.
SEND_SECONDS = 15
BATCH = 50
# Sockets are for listening: this many words, and one a second, are ignored; more end it.
MOST_MESSAGES = 100
TOO_SLOW, TOO_TALKATIVE, TOO_MANY, TRY_LATER = 4408, 4413, 4429, 4503
MOST_SOCKETS = 2000
_open_sockets: set[object] = set()


async def socket_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application for websockets. A foreign origin gets no handshake; other refusals a close code."""
    await receive()
    if not origin_is_ours(dict(scope["headers"])):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    marker = object()
    _open_sockets.add(marker)
    try:
        code = await serve(scope, receive, send) if len(_open_sockets) <= MOST_SOCKETS else TOO_MANY
    finally:
        _open_sockets.discard(marker)
    if code is not None:
        await send({"type": "websocket.close", "code": code})


async def serve(scope: dict[str, Any], receive: Any, send: Any) -> int | None:
    """Until either side ends it: the code to close with, or None when the client has gone."""
    listening = asyncio.ensure_future(listen(receive))
    telling = asyncio.ensure_future(stream_to(scope, send))
    try:
        done, _ = await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in (listening, telling):
            task.cancel()
        await asyncio.gather(listening, telling, return_exceptions=True)


async def listen(receive: Any) -> int | None:
    """Returns when the client leaves or talks too much."""
    opened, heard = time.monotonic(), 0
    while heard < MOST_MESSAGES + time.monotonic() - opened:
        message = await receive()
        heard += 1
        if message["type"] == "websocket.disconnect":
            return None
    return TOO_TALKATIVE


async def stream_to(scope: dict[str, Any], send: Any) -> int:
    """Send the stream until access ends; the closing code."""
    try:
        subscription = await in_thread(subscribe, scope)
    except Refused as refusal:
        return refusal.code
    except (DatabaseError, PoolTimeout):
        return TRY_LATER
    watch = Watch(subscription.principal, subscription.project_ids)
    guard().add(watch)
    sending = asyncio.ensure_future(pump(subscription, send))
    try:
        done, _ = await asyncio.wait({watch.ended, sending}, return_when=asyncio.FIRST_COMPLETED)
        return int(done.pop().result())
    finally:
        guard().discard(watch)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def pump(subscription: Subscription, send: Any) -> int:
    """Everything after the position, then what comes; ends only with a reason to close."""
    try:
        async with hub().watch(subscription.reader) as source:
            position = await follow(source, subscription.position, send, until_caught_up=True)
            caught_up = position if isinstance(position, int) else str(position)
            await deliver(send, [json.dumps({"type": "caught_up", "seq": caught_up})])
            await follow(source, position, send)
    except TimeoutError:
        return TOO_SLOW
    except (DatabaseError, PoolTimeout):
        return TRY_LATER
    raise AssertionError("unreachable")


async def follow(source: Source, position: Any, send: Any, *, until_caught_up: bool = False) -> Any:
    """Send in order from `position`; the position reached, when it was to stop there."""
    while True:
        changed = source.changed
        frames = await source.frames_after(position)
        if frames:
            await deliver(send, [frame.text for frame in frames])
            position = frames[-1].position
        elif position < source.floor:
            position = source.floor
        elif until_caught_up:
            return max(position, source.head)
        else:
            await changed.wait()


async def deliver(send: Any, texts: list[str]) -> None:
    """Raises TimeoutError when the client does not take them."""
    for start in range(0, len(texts), BATCH):
        async with asyncio.timeout(SEND_SECONDS):
            for text in texts[start : start + BATCH]:
                await send({"type": "websocket.send", "text": text})
        if start + BATCH < len(texts):
            # The others have waited long enough.
            await asyncio.sleep(0)
