"""Sockets for httpcore that only reach checked addresses: resolve once, check all, connect to just those."""

from __future__ import annotations

import functools
import ipaddress
import logging
import select
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpcore

from controlplane.domain.failures import TimedOut
from controlplane.outbound.addresses import AllowList
from controlplane.outbound.background import in_background
from controlplane.outbound.call import OutboundCall, current_call
from controlplane.outbound.failures import AddressRefused, ConnectionFailed, NameNotResolved

logger = logging.getLogger(__name__)
CONNECT_SECONDS = 10.0

Endpoint = tuple[socket.AddressFamily, tuple[Any, ...]]
Resolver = Callable[[str, int], list[Endpoint]]


def resolve(host: str, port: int) -> list[Endpoint]:
    """Every address record of the host, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found))


@dataclass(frozen=True)
class AddressGuard:
    """Turns a host into addresses that may be connected to. One denied record refuses the host."""

    allow: AllowList
    resolver: Resolver = resolve

    def endpoints(self, host: str, port: int) -> list[Endpoint]:
        """Raises `NameNotResolved`, or `AddressRefused` naming what was asked for. What was found is for the log alone:
        it would draw whoever asks a map of our network."""
        found = self.resolved(host, port)
        for _, sockaddr in found:
            self._check(host, port, str(sockaddr[0]))
        return found

    def resolved(self, host: str, port: int) -> list[Endpoint]:
        """Unchecked; at least one. Raises `NameNotResolved`."""
        try:
            found = self.resolver(host, port)
        except (OSError, UnicodeError) as error:
            facts = {"action": "name_not_resolved", "host": host, "error": str(error)}
            logger.info("A name was not resolved", extra=facts)
            raise NameNotResolved(f"The name {host} cannot be resolved.", host=host) from error
        if not found:
            raise NameNotResolved(f"The name {host} cannot be resolved.", host=host)
        return found

    def _check(self, host: str, port: int, text: str) -> None:
        reason = self.allow.refusal(host, port, ipaddress.ip_address(text))
        if reason:
            facts = {"host": host, "port": port, "address": text, "reason": reason}
            logger.warning("An address was refused", extra={"action": "address_refused", **facts})
            raise AddressRefused(
                f"{host}:{port} leads to no address that may be reached. "
                f"An administrator can allow it by adding {host}:{port} to SPARKOPS_OUTBOUND_ALLOW.",
                host=host,
                port=port,
            )


class GuardedBackend(httpcore.NetworkBackend):
    """httpcore's socket layer, limited to what the guard lets through and to the current call's deadline."""

    def __init__(self, guard: AddressGuard) -> None:
        self.guard = guard

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        call = current_call()
        find = functools.partial(self.guard.endpoints, host, port)
        endpoints = find() if is_literal(host) else self._in_time(find, call)
        return GuardedStream(_connect(host, endpoints, call, timeout))

    def _in_time(self, find: Callable[[], list[Endpoint]], call: OutboundCall) -> list[Endpoint]:
        try:
            return in_background(find, token=call.token, deadline=call.deadline)
        except TimedOut as error:
            raise call.timed_out() from error

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise AddressRefused("Unix sockets may not be reached.")


class GuardedStream(httpcore.NetworkStream):
    """A connected socket. Each operation asks the current call how long it may take."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = current_call()
        try:
            self._socket.settimeout(self._enter(call, timeout))
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise call.timed_out() from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = current_call()
        left = memoryview(buffer)
        try:
            while left:
                self._socket.settimeout(self._enter(call, timeout))
                call.sent = True
                left = left[self._socket.send(left) :]
        except TimeoutError as error:
            raise call.timed_out() from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        call = current_call()
        try:
            self._socket.settimeout(self._enter(call, timeout))
            return GuardedStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
        except Exception as error:
            self.close()
            raise _tls_failure(server_hostname, error, call) from error

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "server_addr":
            return self._socket.getpeername()
        return self._socket if info == "socket" else None

    def _enter(self, call: OutboundCall, timeout: float | None) -> float | None:
        call.on(self._socket)
        return call.remaining(timeout)


def is_literal(host: str) -> bool:
    """Whether `host` is an address and needs no resolving."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connect(host: str, endpoints: list[Endpoint], call: OutboundCall, timeout: float | None) -> socket.socket:
    problem: Exception | None = None
    for family, sockaddr in endpoints:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            call.on(sock)
            sock.settimeout(call.remaining(min(timeout or CONNECT_SECONDS, CONNECT_SECONDS)))
            sock.connect(sockaddr)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call.remaining()
            return sock
        except OSError as error:
            problem = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise call.failure(ConnectionFailed(f"No connection to {host}: {problem}.", host=host)) from problem


def _tls_failure(host: str | None, error: Exception, call: OutboundCall) -> Exception:
    if not isinstance(error, OSError | ValueError):
        return error
    refused = isinstance(error, ssl.SSLCertVerificationError | ValueError)
    detail = getattr(error, "verify_message", "") or str(error)
    return call.failure(
        ConnectionFailed(f"No secure connection to {host}: {detail}.", retryable=not refused, host=host)
    )


def _is_readable(sock: socket.socket) -> bool:
    """An idle kept connection that is readable was closed by the server."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
