"""What goes out and what comes back."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from controlplane.domain.failures import Misconfigured
from controlplane.outbound.content import ACCEPT_ENCODING
from controlplane.outbound.failures import UrlRefused

OWN_HEADERS = frozenset(
    (
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "keep-alive",
        "accept-encoding",
    )
)


@dataclass(frozen=True, kw_only=True)
class OutboundRequest:
    """One HTTP call. `json` (any value but null) or `body` is sent, not both; `query` is added to the URL.

    `timeout_seconds` is the whole wall time, name resolution and redirects included. `max_bytes` caps the
    decompressed answer (default: the setting OUTBOUND_MAX_BYTES); with `truncate` the answer is cut there and
    marked instead of failing. `idempotency_key` is sent as `Idempotency-Key`.
    """

    method: str = "GET"
    url: str
    query: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    body: bytes | str | None = None
    timeout_seconds: float = 30.0
    max_bytes: int | None = None
    max_redirects: int = 0
    truncate: bool = False
    idempotency_key: str = ""


@dataclass(frozen=True)
class OutboundResponse:
    """`body` is the JSON value if the content type says JSON, else text; `content` the decompressed bytes."""

    status: int
    headers: dict[str, str]
    url: str
    body: object
    content: bytes
    is_json: bool
    truncated: bool
    duration_ms: int


@dataclass(frozen=True)
class Hop:
    """One request as it goes on the wire; a redirect makes the next one."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    content: bytes


def first_hop(request: OutboundRequest) -> Hop:
    """Raises `UrlRefused` or `Misconfigured` for what cannot be sent."""
    content, content_type = _content(request)
    headers = {"accept": "application/json, */*;q=0.5", "user-agent": "Spark-Ops", **_own(request.headers)}
    if content_type:
        headers.setdefault("content-type", content_type)
    if request.idempotency_key:
        headers["idempotency-key"] = request.idempotency_key
    method = request.method.upper()
    if not method.isascii() or not method.isalpha() or method in ("CONNECT", "TRACE"):
        raise Misconfigured(f"{request.method!r} is not an HTTP method that can be sent.")
    return Hop(method, checked_url(request.url, request.query), tuple(headers.items()), content)


def checked_url(text: str | httpx.URL, query: Mapping[str, Any] | None = None) -> httpx.URL:
    """An absolute http(s) URL without user name, else `UrlRefused`. Its address is checked on connecting."""
    try:
        url = httpx.URL(text)
        url = url.copy_merge_params(dict(query)) if query else url
        port = url.port
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise UrlRefused(f"The URL is not valid: {error}.") from error
    if url.scheme not in ("http", "https"):
        raise UrlRefused(f"Only http and https URLs can be called, not {url.scheme or 'one without a scheme'}.")
    if not url.host:
        raise UrlRefused("The URL has no host.")
    if url.userinfo:
        raise UrlRefused("The URL holds a user name or password; send an Authorization header instead.")
    if port is not None and not 0 < port < 65536:
        raise UrlRefused(f"The URL has port {port}.")
    return url


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """Where a redirect leads. Another origin gets no header of ours but what describes the content."""
    url = checked_url(_joined(hop.url, location))
    if hop.url.scheme == "https" and url.scheme == "http":
        raise UrlRefused("The server redirects from https to http.", acted=True)
    method, headers, content = hop.method, hop.headers, hop.content
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, content = "GET", b""
        headers = tuple(item for item in headers if item[0] not in ("content-type", "idempotency-key"))
    if _origin(url) != _origin(hop.url):
        headers = tuple(item for item in headers if item[0] in ("accept", "user-agent", "content-type"))
    return Hop(method, url, headers, content)


def wire_headers(hop: Hop) -> list[tuple[bytes, bytes]]:
    """The header lines in order; raises `Misconfigured` for a name or value HTTP cannot carry."""
    lines = [(b"host", hop.url.netloc), (b"accept-encoding", ACCEPT_ENCODING.encode())]
    if hop.content or hop.method in ("POST", "PUT", "PATCH"):
        lines.append((b"content-length", str(len(hop.content)).encode()))
    for name, value in hop.headers:
        try:
            lines.append((name.encode("ascii"), value.encode("latin-1")))
        except UnicodeEncodeError as error:
            raise Misconfigured(f"The header {name!r} holds characters HTTP headers cannot carry.") from error
    return lines


def _content(request: OutboundRequest) -> tuple[bytes, str]:
    if request.json is not None and request.body is not None:
        raise Misconfigured("A request has either a JSON value or a body, not both.")
    if request.json is not None:
        try:
            text = json_module.dumps(request.json, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise Misconfigured(f"The input cannot be written as JSON: {error}.") from error
        return text.encode(), "application/json"
    if isinstance(request.body, str):
        return request.body.encode(errors="replace"), "text/plain; charset=utf-8"
    return request.body or b"", ""


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    own = {name.lower(): str(value) for name, value in headers.items()}
    for name, value in own.items():
        if name in OWN_HEADERS:
            raise Misconfigured(f"The header {name!r} is set by the portal and cannot be given.")
        if not name or any(sign in value for sign in "\r\n\x00"):
            raise Misconfigured(f"The header {name!r} has a line break or NUL in it, or no name.")
    return own


def _joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        return base.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused(f"The redirect target is not valid: {error}.", acted=True) from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
