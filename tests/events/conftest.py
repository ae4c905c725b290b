"""A real web process beside the tests, on their database and broker, and clients of its sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.events.probe import Probe
from tests.events.reactions import effects_are_counted

START_SECONDS = 60


@dataclass
class Server:
    """A running web process. `url` starts with http."""

    port: int
    process: subprocess.Popen

    def socket(self, path: str, **options) -> ClientConnection:
        """An open socket; `headers` as a dict."""
        headers = options.pop("headers", {})
        url = f"ws://127.0.0.1:{self.port}{path}"
        return connect(url, additional_headers=headers, open_timeout=10, close_timeout=1, **options)

    def browser(self, path: str, client: Client, **options) -> ClientConnection:
        """As the page of `client` opens it: with its session and our own origin."""
        cookie = f"sessionid={client.cookies['sessionid'].value}"
        return self.socket(path, headers={"Cookie": cookie}, origin=f"http://127.0.0.1:{self.port}", **options)

    def script(self, path: str, token: str, **options) -> ClientConnection:
        return self.socket(path, headers={"Authorization": f"Bearer {token}"}, **options)


@contextmanager
def web_process(**environment: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"DJANGO_SETTINGS_MODULE": "tests.events.settings", "DATABASE_URL": test_database_url(), "HOST": "127.0.0.1"}
    command = [sys.executable, "manage.py", "web", "--port", str(port)]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ, **own, **environment})
    try:
        wait_until(lambda: answers(port), START_SECONDS)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_database_url() -> str:
    """DATABASE_URL with the name of the database that the tests use."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2) as response:
        return response.status == 200
    return False


def wait_until(condition, seconds: float) -> None:
    """Ask again and again until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker) -> Iterator[Server]:
    with django_db_blocker.unblock(), web_process() as running:
        yield running


@pytest.fixture
def probe(world) -> Probe:
    return Probe(world.acme)


@pytest.fixture
def counted(db) -> Iterator[None]:
    """Effects of reactions can be counted."""
    with effects_are_counted():
        yield


def frames(live: ClientConnection, count: int, seconds: float = 10) -> list[dict]:
    """The next `count` frames."""
    deadline = time.monotonic() + seconds
    return [json.loads(live.recv(timeout=max(0.01, deadline - time.monotonic()))) for _ in range(count)]


def until_caught_up(live: ClientConnection) -> list[dict]:
    """What is replayed; the caught_up frame is not part of it."""
    seen: list[dict] = []
    while not seen or seen[-1]["type"] != "caught_up":
        seen += frames(live, 1)
    return seen[:-1]


def closing_code(live: ClientConnection, seconds: float = 8) -> int:
    """Read on until the server closes; with which code."""
    deadline = time.monotonic() + seconds
    try:
        while True:
            live.recv(timeout=max(0.01, deadline - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
