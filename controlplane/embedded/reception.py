"""How much of a request is taken in, for how long, and of whom: before the application hears of it."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus

from controlplane.domain.errors import Malformed, PayloadTooLarge, ProblemError


@dataclass(frozen=True)
class Limits:
    """What one connection may take. Seconds are for the whole: a byte now and then buys no time."""

    body_bytes: int
    # From the first byte of a request to the end of its headers; and from there to the end of its body.
    headers_seconds: float
    body_seconds: float
    # Between an answer and the next request.
    idle_seconds: float
    # For 64 KiB of an answer to leave.
    answer_seconds: float
    # Of one address at once; 0 is any number.
    half_sent: int


class HalfSent:
    """The requests that have begun and not ended, by the address that sends them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: Counter[str] = Counter()

    def take(self, source: str) -> bool:
        """Count one more; False when there are too many."""
        if self.most and source and self.open[source] >= self.most:
            return False
        self.open[source] += 1
        return True

    def give_back(self, source: str) -> None:
        self.open[source] -= 1
        if not self.open[source]:
            del self.open[source]


def source_of(host: str) -> str:
    """`host` without what its owner can vary: of an IPv6 address the network. Empty for what is no IP address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))


class TooSlow(ProblemError):
    status = 408
    code = "too_slow"
    title = "The request took too long to arrive"


class HeadersTooLarge(ProblemError):
    status = 431
    code = "headers_too_large"
    title = "The request's headers are too large"


class TooManyHalfSent(ProblemError):
    status = 429
    code = "too_many_half_sent"
    title = "Too many requests at once"


def not_http() -> Malformed:
    return Malformed("Check the request line, the headers and how the length of the body is announced.")


def headers_too_large(most_bytes: int, most_lines: int) -> HeadersTooLarge:
    return HeadersTooLarge(f"Send at most {most_lines} headers of {most_bytes // 1024} KiB together.")


def too_many_half_sent(most: int) -> TooManyHalfSent:
    return TooManyHalfSent(f"Send one to its end first: {most} may be under way from one address.")


def too_many_pieces() -> PayloadTooLarge:
    return PayloadTooLarge("The body comes in too many pieces. Send it in larger chunks, or with a Content-Length.")


def body_too_large(most_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"A request body may have {most_bytes // (1024 * 1024)} MiB at most.")


def refusal(problem: ProblemError) -> bytes:
    """The whole answer, after which the connection ends."""
    body = json.dumps(problem.as_problem()).encode()
    lines = (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Server: spark-ops",
    )
    return "\r\n".join((*lines, "", "")).encode() + body
