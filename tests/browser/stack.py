"""The portal as it runs in production: web, worker and sweeper, with a database and a broker of their own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from controlplane.embedded.folders import REPOSITORY
from controlplane.embedded.processes import Program, end, launch
from controlplane.embedded.temporary import TemporaryServers

PATIENCE = 60
FINAL = {"succeeded", "partially_succeeded", "failed", "cancelled", "timed_out"}


@dataclass
class Stack:
    """The running portal: `url` is where it answers, `people` are session cookies by name."""

    folder: Path
    environment: dict[str, str] = field(repr=False)
    port: int
    seeded: dict[str, Any] = field(default_factory=dict, repr=False)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sessions(self) -> dict[str, str]:
        return self.seeded["sessions"]

    def program(self, role: str) -> Program:
        options = ("--port", str(self.port)) if role == "web" else ()
        own = {**self.environment, "SPARKOPS_WORKER_NAME": f"{role}@browser-tests"}
        return Program(role, (sys.executable, "manage.py", role, *options), REPOSITORY, own)

    def start(self, *roles: str) -> None:
        for role in roles:
            with (self.folder / f"{role}.log").open("ab") as log:
                self.running[role] = launch(self.program(role), self.folder / "run", log)

    def stop(self, *roles: str, force: bool = False) -> None:
        for role in roles:
            end(self.running.pop(role), self.program(role), force=force)

    def answers(self) -> bool:
        """Whether the web process is there. Fails with its log when it has ended."""
        assert self.running["web"].poll() is None, (self.folder / "web.log").read_text()[-3000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health/live", timeout=2) as response:
            return response.status == 200
        return False

    def api(self, path: str, body: Any = None, *, by: str = "bob") -> Any:
        """GET, or POST when there is a body, as a script of bob or erin does it."""
        headers = {"Authorization": f"Bearer {self.seeded['tokens'][by]}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def run(self, workflow: str, **more: Any) -> int:
        """The id of a new run; `inputs`, `tags` and so on as the API takes them."""
        return self.api("runs", {"workflow": workflow, "inputs": {}, **more})["id"]

    def finished(self, workflow: str, **more: Any) -> int:
        """The same, once it has ended."""
        pk = self.run(workflow, **more)
        eventually(lambda: self.api(f"runs/{pk}")["status"] in FINAL)
        return pk

    def toiling(self, seconds: int = 120, **more: Any) -> int:
        """A run whose step `toil` runs, for so long unless it is stopped."""
        pk = self.run("steady", inputs={"seconds": seconds}, **more)
        eventually(lambda: any(step["key"] == "toil" and step["status"] == "running" for step in self.steps(pk)))
        return pk

    def steps(self, pk: int) -> list[dict[str, Any]]:
        return self.api(f"runs/{pk}/steps")["results"]


@contextlib.contextmanager
def running_stack(folder: Path, name: str) -> Iterator[Stack]:
    """Database `name`, a broker, and the three processes; gone afterwards."""
    servers = TemporaryServers()
    try:
        with database(name) as url:
            stack = Stack(folder, environment(url, servers.start_valkey()), free_port())
            yield from started(stack)
    finally:
        servers.stop()


def started(stack: Stack) -> Iterator[Stack]:
    command = [sys.executable, "-m", "tests.browser.seed"]
    seeded = subprocess.run(command, cwd=REPOSITORY, env=stack.environment, check=True, stdout=subprocess.PIPE)
    stack.seeded = json.loads(seeded.stdout)
    try:
        stack.start("web", "worker", "sweeper")
        eventually(stack.answers)
        yield stack
    finally:
        stack.stop(*stack.running)


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own, "SPARKOPS_FUNCTION_MODULES": "tests.runs.functions,tests.browser.functions"}


@contextlib.contextmanager
def database(name: str) -> Iterator[str]:
    """An empty database beside the one of the other tests; its URL."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Ask again and again until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not become true within {seconds} s"
        time.sleep(0.05)
