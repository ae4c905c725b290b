"""A real HTTP server on 127.0.0.1 that does what servers should not do. Each path is one kind of trouble."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from functools import cache

Handler = Callable[["Peer"], None]


class Peer:
    """One request on one connection."""

    def __init__(self, server: HostileServer, connection: socket.socket, head: str, body: bytes) -> None:
        self.server, self.connection, self.body = server, connection, body
        self.method, self.path, _ = head.split("\r\n", 1)[0].split(" ", 2)
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        }

    def write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *headers]
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def drip(self, data: bytes) -> None:
        """One byte every 50 ms, until the data, the caller or the test ends."""
        for byte in data:
            if self.server.closing.wait(0.05):
                return
            self.write(bytes([byte]))


class HostileServer:
    def __init__(self) -> None:
        self.closing = threading.Event()
        self.arrived = threading.Event()
        self.requests: list[Peer] = []
        self.connections: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        for connection in [self.listener, *self.connections]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while peer := self._read(connection):
                self.requests.append(peer)
                self.arrived.set()
                ROUTES[peer.path.split("?")[0]](peer)
        except OSError:
            return

    def _read(self, connection: socket.socket) -> Peer | None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk:
                return None
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return Peer(self, connection, head.decode("latin-1"), body)


def echo(peer: Peer) -> None:
    peer.answer(json.dumps({"method": peer.method, "headers": peer.headers, "body": peer.body.decode()}).encode())


def hang(peer: Peer) -> None:
    peer.server.closing.wait(30)


def drip_head(peer: Peer) -> None:
    peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 2000)


def drip_body(peer: Peer) -> None:
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\nContent-Type: text/plain\r\n\r\n")
    peer.drip(b"a" * 2000)


def flood(peer: Peer) -> None:
    """Up to 1 GB, without a length."""
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
    for _ in range(1024):
        peer.write(b"a" * 1024 * 1024)


def declared_huge(peer: Peer) -> None:
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\nContent-Type: text/plain\r\n\r\n")
    peer.server.closing.wait(30)


@cache
def packed_zeros() -> bytes:
    """200 MB in 200 kB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(200)) + packer.flush()


def bomb(peer: Peer) -> None:
    peer.answer(packed_zeros(), "Content-Encoding: gzip", kind="text/plain")


def gzipped(peer: Peer) -> None:
    peer.answer(gzip.compress(b'{"packed": true}'), "Content-Encoding: gzip")


def raw_deflate(peer: Peer) -> None:
    packer = zlib.compressobj(wbits=-15)
    peer.answer(packer.compress(b'{"packed": true}') + packer.flush(), "Content-Encoding: deflate")


def cut_gzip(peer: Peer) -> None:
    peer.answer(gzip.compress(b'{"packed": true}' * 100)[:-12], "Content-Encoding: gzip")


def brotli(peer: Peer) -> None:
    peer.answer(b"whatever", "Content-Encoding: br")


def short_body(peer: Peer) -> None:
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nonly this")
    peer.connection.shutdown(socket.SHUT_RDWR)


def long_body(peer: Peer) -> None:
    peer.write(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\ngoodand more that was not declared"
    )


def big_header(peer: Peer) -> None:
    peer.write(b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 1024 * 1024 + b"\r\nContent-Length: 0\r\n\r\n")


def reset(peer: Peer) -> None:
    """A TCP reset in the middle of the body."""
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nhalf")
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.connection.close()


def drop(peer: Peer) -> None:
    peer.connection.shutdown(socket.SHUT_RDWR)


def not_http(peer: Peer) -> None:
    peer.write(b"\x00\x01\x02 this is no HTTP at all\r\n\r\n")
    peer.connection.shutdown(socket.SHUT_RDWR)


def redirect_to(target: str) -> Handler:
    return lambda peer: peer.answer(b"", f"Location: {target}", status="302 Found")


def redirect_from_query(peer: Peer) -> None:
    peer.answer(b"", f"Location: {peer.path.partition('?')[2]}", status="302 Found")


def body(data: bytes, kind: str = "application/json") -> Handler:
    return lambda peer: peer.answer(data, kind=kind)


def status(line: str, *headers: str) -> Handler:
    return lambda peer: peer.answer(b'{"why": "because"}', *headers, status=line)


ROUTES: dict[str, Handler] = {
    "/echo": echo,
    "/hang": hang,
    "/drip-head": drip_head,
    "/drip-body": drip_body,
    "/flood": flood,
    "/declared-huge": declared_huge,
    "/bomb": bomb,
    "/gzipped": gzipped,
    "/raw-deflate": raw_deflate,
    "/cut-gzip": cut_gzip,
    "/brotli": brotli,
    "/short-body": short_body,
    "/long-body": long_body,
    "/big-header": big_header,
    "/reset": reset,
    "/drop": drop,
    "/not-http": not_http,
    "/loop": redirect_to("/loop"),
    "/to-echo": redirect_to("/echo"),
    "/redirect": redirect_from_query,
    "/good": body(b'{"ok": [1, 2.5, "\\u00e9\\ud83d\\ude00", null]}'),
    "/text": body("h\u00e9 \x00".encode("latin-1"), "text/plain; charset=iso-8859-1"),
    "/binary": body(b"\xff\xfe\x00ok", "text/plain"),
    "/empty": body(b""),
    "/not-utf8": body(b'{"a": "\xff\xfe"}'),
    "/nul": body(b'{"a": "b\\u0000c"}'),
    "/surrogate": body(b'{"\\ud800": 1}'),
    "/nan": body(b'{"a": NaN}'),
    "/infinity": body(b'{"a": -Infinity}'),
    "/overflow": body(b'{"a": 1e999}'),
    "/huge-integer": body(b"9" * 100_000),
    "/deep": body(b"[" * 1_000_000),
    "/deep-closed": body(b"[" * 500 + b"]" * 500),
    "/not-json": body(b"<html>"),
    "/teapot": status("418 I'm a teapot"),
    "/busy": status("503 Service Unavailable", "Retry-After: 7"),
    "/slow-down": status("429 Too Many Requests", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT"),
}
