"""The synchronous client: `send` makes one HTTP call, guarded, within limits, interruptible at any moment."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore
import httpx
from django.conf import settings

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import lend_connection
from controlplane.domain.failures import Failure, Misconfigured
from controlplane.domain.redaction import CUT
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.call import OutboundCall, making
from controlplane.outbound.content import (
    clean_text,
    decoded,
    is_json,
    parse_json,
    read_capped,
    too_large,
    wire_cap,
)
from controlplane.outbound.exchange import (
    Hop,
    OutboundRequest,
    OutboundResponse,
    first_hop,
    next_hop,
    wire_headers,
)
from controlplane.outbound.failures import BadResponse, ConnectionLost, HttpStatus, RedirectRefused
from controlplane.outbound.network import AddressGuard, GuardedBackend, Resolver, resolve

DEFAULT_MAX_BYTES = 10 * 1024 * 1024
KEEP_ALIVE_SECONDS = 15.0
KEPT_CONNECTIONS = 64
REDIRECTS = (301, 302, 303, 307, 308)
RETRYABLE_STATUSES = (408, 425, 429)
EXCERPT_BYTES = 2_000
REPEATABLE = ("GET", "HEAD", "OPTIONS")


def send(request: OutboundRequest, *, token: CancelToken, allow: Iterable[str] | None = None) -> OutboundResponse:
    """Make the call and return its answer (status below 400).

    `allow` are `host:port` or CIDR strings that may be reached although private (default: the setting
    OUTBOUND_ALLOW). Raises a `Failure`; its `acted` says whether a byte of the request had left:
    `misconfigured`, `url_refused`, `address_refused`, `name_not_resolved`, `connection_failed` (not acted);
    `connection_lost`, `timeout`, `cancelled`, `response_too_large`, `bad_response`, `redirect_refused`,
    `http_status`.
    """
    return client_for(settings_allow() if allow is None else allow).send(request, token=token)


def settings_allow() -> tuple[str, ...]:
    """`host:port` and CIDR texts that may be reached although private."""
    return tuple(getattr(settings, "OUTBOUND_ALLOW", ()))


def settings_max_bytes() -> int:
    """Of an answer's body, after decompression."""
    return int(getattr(settings, "OUTBOUND_MAX_BYTES", DEFAULT_MAX_BYTES))


_clients: dict[tuple[str, ...], OutboundClient] = {}
_clients_lock = threading.Lock()


def client_for(allow: Iterable[str]) -> OutboundClient:
    """The process's client for this allow-list. Connections are kept per allow-list, never across two."""
    key = tuple(allow)
    found = _clients.get(key)
    if found is None:
        with _clients_lock:
            found = _clients.setdefault(key, OutboundClient(AllowList.parse(key)))
    return found


class OutboundClient:
    """A guarded connection pool, safe for any number of threads."""

    def __init__(
        self, allow: AllowList, *, resolver: Resolver = resolve, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(),
            max_connections=None,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(AddressGuard(allow, resolver)),
        )

    def send(self, request: OutboundRequest, *, token: CancelToken) -> OutboundResponse:
        """As the module's `send`."""
        started = time.monotonic()
        hop = first_hop(request)
        lend_connection()
        call = OutboundCall(token, timeout_seconds=request.timeout_seconds)
        with translated(call), making(call):
            for _ in range(request.max_redirects + 1):
                with self._answer(hop, call) as answer:
                    location = _location(answer)
                    if location is None:
                        return _finished(request, hop, answer, started)
                hop = _followed(request, hop, answer.status, location)
        raise RedirectRefused(
            f"The server redirects more than {request.max_redirects} times.", acted=True, url=str(hop.url)
        )

    @contextmanager
    def _answer(self, hop: Hop, call: OutboundCall) -> Iterator[httpcore.Response]:
        response = self._first_answer(_on_the_wire(hop), hop, call)
        try:
            yield response
        finally:
            response.close()

    def _first_answer(self, outgoing: httpcore.Request, hop: Hop, call: OutboundCall) -> httpcore.Response:
        """A kept connection may close just as we write; a request that may be repeated tries once more."""
        try:
            return self.pool.handle_request(outgoing)
        except (httpcore.RemoteProtocolError, httpcore.ReadError) as error:
            if hop.method not in REPEATABLE or not _broke_off(error):
                raise
            return self.pool.handle_request(outgoing)


def _on_the_wire(hop: Hop) -> httpcore.Request:
    url = hop.url
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    try:
        return httpcore.Request(hop.method, target, headers=wire_headers(hop), content=hop.content)
    except httpcore.LocalProtocolError as error:
        raise Misconfigured(f"The request cannot be sent: {error}.") from error


@contextmanager
def translated(call: OutboundCall) -> Iterator[None]:
    """httpcore's errors as failures. A cancel or a passed deadline explains whatever broke because of it."""
    try:
        yield
    except Failure as failure:
        failure.acted = failure.acted or call.sent
        raise
    except httpcore.LocalProtocolError as error:
        raise Misconfigured(f"The request cannot be sent: {error}.") from error
    except httpcore.RemoteProtocolError as error:
        raise call.failure(_protocol_failure(error, call)) from error
    except httpcore.TimeoutException as error:
        raise call.failure(call.timed_out()) from error
    except httpcore.NetworkError as error:
        raise call.failure(ConnectionLost(f"The connection broke: {error}.", acted=call.sent)) from error


def _protocol_failure(error: httpcore.RemoteProtocolError, call: OutboundCall) -> Failure:
    if _broke_off(error):
        return ConnectionLost(f"The connection broke: {error}.", acted=call.sent)
    return BadResponse(f"The answer is not valid HTTP: {error}.", acted=call.sent)


def _broke_off(error: Exception) -> bool:
    return isinstance(error, httpcore.ReadError) or "without sending" in str(error)


def _location(answer: httpcore.Response) -> str | None:
    if answer.status not in REDIRECTS:
        return None
    return _headers(answer).get("location")


def _followed(request: OutboundRequest, hop: Hop, status: int, location: str) -> Hop:
    if request.max_redirects == 0:
        raise RedirectRefused(
            f"The server answers {status} with a redirect; redirects are not followed here.",
            acted=True,
            status=status,
            location=location[:500],
        )
    return next_hop(hop, status, location)


def _finished(request: OutboundRequest, hop: Hop, answer: httpcore.Response, started: float) -> OutboundResponse:
    headers = _headers(answer)
    limit = request.max_bytes if request.max_bytes is not None else settings_max_bytes()
    if answer.status >= 400:
        raise _status_failure(answer, headers)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit and not request.truncate and hop.method != "HEAD":
        raise too_large(limit)
    content, truncated = _read(answer, headers, limit, truncate=request.truncate)
    content_type = headers.get("content-type", "")
    parse = is_json(content_type) and bool(content) and not truncated
    return OutboundResponse(
        status=answer.status,
        headers=headers,
        url=str(hop.url),
        body=parse_json(content) if parse else clean_text(content, content_type),
        content=content,
        is_json=parse,
        truncated=truncated,
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _read(answer: httpcore.Response, headers: dict[str, str], limit: int, *, truncate: bool) -> tuple[bytes, bool]:
    chunks = decoded(
        answer.iter_stream(),
        headers.get("content-encoding", ""),
        max_wire_bytes=wire_cap(limit),
    )
    return read_capped(chunks, limit, truncate=truncate)


def _headers(answer: httpcore.Response) -> dict[str, str]:
    """Names in lower case, values joined by a comma when repeated."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _status_failure(answer: httpcore.Response, headers: dict[str, str]) -> HttpStatus:
    return HttpStatus(
        f"The server answered {answer.status} {httpx.codes.get_reason_phrase(answer.status)}".strip() + ".",
        retryable=answer.status in RETRYABLE_STATUSES or answer.status >= 500,
        acted=True,
        status=answer.status,
        body_excerpt=_excerpt(answer, headers),
        retry_after=retry_after(headers.get("retry-after", "")),
    )


def _excerpt(answer: httpcore.Response, headers: dict[str, str]) -> str:
    try:
        content, truncated = _read(answer, headers, EXCERPT_BYTES, truncate=True)
    except Failure as failure:
        if failure.kind in ("timeout", "cancelled"):
            raise
        return ""
    except httpcore.RemoteProtocolError:
        return ""
    text = clean_text(content, headers.get("content-type", ""))
    # The mark tells the redactor that a secret may be cut in two here.
    return text.rstrip("\ufffd") + CUT if truncated else text


def retry_after(value: str) -> float | None:
    """Seconds a Retry-After header (seconds or an HTTP date) asks to wait; None when absent or odd."""
    if value.isascii() and value.isdecimal():
        return float(value[:12])
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


# A forked child must not speak on its parent's sockets.
os.register_at_fork(after_in_child=_clients.clear)
