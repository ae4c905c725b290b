"""Real servers in folders of their own, and what a test needs to look at them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane.embedded import postgres
from controlplane.embedded.folders import REPOSITORY
from controlplane.embedded.processes import end, launch
from controlplane.embedded.temporary import memory_base

PATIENCE = 30


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> object:
    """The first true answer of `condition`; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} did not become true within {seconds} s"
        time.sleep(0.02)
    return answer


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """A data folder with a space in its path, which every user may pass through."""
    base = Path(tempfile.mkdtemp(prefix="sparkops test ", dir=memory_base()))
    base.chmod(0o711)
    folder = base / "the data"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def data() -> Iterator[Path]:
    with new_folder() as folder:
        yield folder


class Running:
    """A cluster and its server process."""

    def __init__(self, data: Path) -> None:
        self.said: list[str] = []
        self.records = data / "run"
        self.log = data / "postgres.log"
        self.cluster = postgres.prepare(data, announce=self.said.append, durable=False)
        self.program = self.cluster.program()

    def start(self) -> Running:
        with self.log.open("ab") as log:
            self.process = launch(self.program, self.records, log)
        self.cluster.wait_until_ready(self.process, self.log)
        return self

    def stop(self) -> None:
        end(self.process, self.program)
        shutil.rmtree(self.cluster.sockets, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Running]:
    with new_folder() as data:
        running = Running(data).start()
        yield running
        running.stop()


@pytest.fixture
def server(shared_server: Running) -> Running:
    """A server that runs; the test may do with it what it likes, the next one gets it running again."""
    return shared_server if shared_server.cluster.answers() else shared_server.start()


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end with the servers' addresses taken out of the environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=bare_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
    )


def bare_environment(**more: str) -> dict[str, str]:
    """The environment of a person who never heard of our settings."""
    ours = ("SPARKOPS_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more
