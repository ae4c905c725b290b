"""httpx clients for libraries that bring their own calls (model providers): the same guard, caps and cancellation."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpcore
import httpx

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.call import Call, making
from controlplane.outbound.content import ACCEPT_ENCODING, Body, too_large, wire_cap
from controlplane.outbound.door import KEEP_ALIVE_SECONDS, Door, settings_allow, settings_max_bytes, translated
from controlplane.outbound.exchange import checked_url
from controlplane.outbound.failures import AddressRefused, ConnectionFailed
from controlplane.outbound.network import CONNECT_SECONDS, Guard, Resolver, resolve

Result = TypeVar("Result")
CLIENT_SECONDS = 600.0


def guarded_client(
    *,
    token: CancelToken,
    allow: Iterable[str] | None = None,
    timeout_seconds: float = CLIENT_SECONDS,
    max_bytes: int | None = None,
    resolver: Resolver = resolve,
    ssl_context: ssl.SSLContext | None = None,
) -> httpx.Client:
    """A client whose every request is guarded as `door.send`; close it after use.

    `timeout_seconds` bounds one request in whole, `max_bytes` one decompressed answer. Refusals and limits are
    raised as `Failure`s through the library that uses it; `failure_behind` finds them again. Statuses are left
    to the library.
    """
    allowed = AllowList.parse(settings_allow() if allow is None else allow)
    door = Door(allowed, resolver=resolver, ssl_context=ssl_context)
    return httpx.Client(
        transport=GuardedTransport(door, _Rules(token, timeout_seconds, max_bytes)),
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        trust_env=False,
    )


def guarded_async_client(
    *,
    token: CancelToken,
    allow: Iterable[str] | None = None,
    timeout_seconds: float = CLIENT_SECONDS,
    max_bytes: int | None = None,
    resolver: Resolver = resolve,
    ssl_context: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """As `guarded_client`, for one event loop. Give the OpenAI client `max_retries=0`: it retries refusals too."""
    guard = Guard(AllowList.parse(settings_allow() if allow is None else allow), resolver)
    return httpx.AsyncClient(
        transport=AsyncGuardedTransport(guard, _Rules(token, timeout_seconds, max_bytes), ssl_context),
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        trust_env=False,
    )


def failure_behind(error: BaseException | None) -> Failure | None:
    """The `Failure` that a library wrapped in its own exceptions, if there is one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Failure):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


class _Rules:
    """What holds for every request of one client."""

    def __init__(self, token: CancelToken, timeout_seconds: float, max_bytes: int | None) -> None:
        self.token = token
        self.timeout_seconds = timeout_seconds
        self.max_bytes = settings_max_bytes() if max_bytes is None else max_bytes

    def call(self) -> Call:
        return Call(self.token, timeout_seconds=self.timeout_seconds)


class _Answer:
    """Counts and decompresses one answer; the client above sees plain bytes."""

    def __init__(self, answer: httpcore.Response, max_bytes: int) -> None:
        headers = httpx.Headers(answer.headers)
        self._body = Body(headers.get("content-encoding", ""), max_wire_bytes=wire_cap(max_bytes))
        self._left = self._max_bytes = max_bytes
        if headers.get("content-encoding"):
            del headers["content-encoding"]
            headers.pop("content-length", None)
        self.headers = headers

    def pieces(self, chunk: bytes | None) -> Iterator[bytes]:
        """Of a chunk, or None for the end."""
        if chunk is None:
            self._body.finish()
            return
        for piece in self._body.feed(chunk):
            self._left -= len(piece)
            if self._left < 0:
                raise too_large(self._max_bytes)
            yield piece


class GuardedTransport(httpx.BaseTransport):
    def __init__(self, door: Door, rules: _Rules) -> None:
        self._door, self._rules = door, rules

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = self._rules.call()
        with translated(call), making(call):
            answer = self._door.pool.handle_request(_core_request(request))
        reading = _Answer(answer, self._rules.max_bytes)
        return httpx.Response(
            answer.status, headers=reading.headers, stream=_Stream(answer, reading, call), extensions={}
        )

    def close(self) -> None:
        self._door.pool.close()


class _Stream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, reading: _Answer, call: Call) -> None:
        self._answer, self._reading, self._call = answer, reading, call

    def __iter__(self) -> Iterator[bytes]:
        chunks = self._answer.iter_stream()
        chunk: bytes | None = b""
        while chunk is not None:
            with translated(self._call), making(self._call):
                chunk = next(chunks, None)
                pieces = self._reading.pieces(chunk)
            with translated(self._call):
                yield from pieces

    def close(self) -> None:
        self._answer.close()


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    def __init__(self, guard: Guard, rules: _Rules, ssl_context: ssl.SSLContext | None = None) -> None:
        self._rules = rules
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(),
            max_connections=None,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=AsyncGuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = self._rules.call()
        outgoing = _core_request(request)
        outgoing.extensions = {**outgoing.extensions, "trace": functools.partial(_note_sending, call)}
        with translated(call):
            answer = await interruptible(lambda: self._pool.handle_async_request(outgoing), call)
        reading = _Answer(answer, self._rules.max_bytes)
        return httpx.Response(
            answer.status, headers=reading.headers, stream=_AsyncStream(answer, reading, call), extensions={}
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, reading: _Answer, call: Call) -> None:
        self._answer, self._reading, self._call = answer, reading, call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._answer.aiter_stream().__aiter__()
        chunk: bytes | None = b""
        while chunk is not None:
            with translated(self._call):
                chunk = await interruptible(lambda: anext(chunks, None), self._call)
                for piece in self._reading.pieces(chunk):
                    yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


class AsyncGuardedBackend(httpcore.AsyncNetworkBackend):
    """As `GuardedBackend`; httpcore's own connect is given a checked address in place of the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        endpoints = await anyio.to_thread.run_sync(self._guard.endpoints, host, port, abandon_on_cancel=True)
        problem: Exception | None = None
        for _, sockaddr in endpoints:
            try:
                return await self._plain.connect_tcp(str(sockaddr[0]), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise ConnectionFailed(f"No connection to {host}: {problem}.", host=host) from problem

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("Unix sockets may not be reached.")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def interruptible(work: Callable[[], Awaitable[Result]], call: Call) -> Result:
    """Await, but end at once with `Cancelled` or `TimedOut` when the call's token or deadline says so."""
    loop = asyncio.get_running_loop()
    seconds = call.remaining()
    with anyio.move_on_after(seconds) as scope:

        def interrupt() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(scope.cancel)

        with call.token.interrupting(interrupt):
            return await work()
    raise call.cancelled() if call.token.cancelled else call.timed_out()


async def _note_sending(call: Call, event: str, _: dict[str, Any]) -> None:
    if event.endswith("send_request_headers.started"):
        call.sent = True


def _core_request(request: httpx.Request) -> httpcore.Request:
    url = checked_url(request.url)
    request.headers["accept-encoding"] = ACCEPT_ENCODING
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )
