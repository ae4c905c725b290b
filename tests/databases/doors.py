"""Servers on 127.0.0.1 that an instance's URL may or may not lead to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Door:
    """Accepts connections and notes their first bytes; passes them on to a Unix socket, answers or stays silent."""

    def __init__(self, *, to: str = "", says: bytes = b"") -> None:
        self.to, self.says = to, says
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open: list[socket.socket] = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self.open:
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            first = client.recv(65536)
            self.heard.append(first)
            if self.to:
                self._pass_on(client, first)
            elif self.says:
                client.sendall(self.says)
                _end(client)
        except OSError:
            _end(client)

    def _pass_on(self, client: socket.socket, first: bytes) -> None:
        server = socket.socket(socket.AF_UNIX)
        self.open.append(server)
        server.connect(self.to)
        server.sendall(first)
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    _end(target)


def _end(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()


@contextmanager
def door(**options: object) -> Iterator[Door]:
    made = Door(**options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()
