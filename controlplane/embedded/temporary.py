"""Servers for tests and measurements: a PostgreSQL and any number of Valkeys that vanish with their user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from controlplane.embedded import postgres, valkey
from controlplane.embedded.folders import socket_base
from controlplane.embedded.processes import Program, end, launch

ROOM = 4 * 1024**3


def memory_base() -> Path:
    """A folder in memory when there is a roomy one, else the usual place: what may be lost need not reach a disk."""
    memory = Path("/dev/shm")  # noqa: S108
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    return memory if roomy and os.access(memory, os.W_OK) else socket_base()


def no_output(_: str) -> None:
    """Say nothing of what a start does."""


class TemporaryServers:
    """Start servers in a temporary folder; `stop()` ends them and removes it. They die with us, too."""

    def __init__(self, *, durable: bool = False) -> None:
        base = socket_base() if durable else memory_base()
        self.folder = Path(tempfile.mkdtemp(prefix="sparkops-test-", dir=base))
        # PostgreSQL's user must pass through when we are root.
        self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.durable = durable
        self.running: list[tuple[subprocess.Popen[bytes], Program, Path]] = []
        self.superuser_url = ""

    def start_postgres(self) -> str:
        """Start a PostgreSQL; returns its DATABASE_URL, and leaves that of the superuser. Raises CannotStart."""
        cluster = postgres.prepare(self.folder, announce=no_output, durable=self.durable)
        process = self.launch(cluster.program(), cluster.sockets)
        cluster.wait_until_ready(process, self.log("postgres"))
        self.superuser_url = cluster.superuser_url
        return cluster.url

    def start_valkey(self, name: str = "valkey") -> str:
        """Start one more Valkey; returns its REDIS_URL. Raises CannotStart."""
        broker = valkey.prepare(self.folder, name)
        broker.wait_until_ready(self.launch(broker.program(), broker.sockets))
        return broker.url

    def launch(self, program: Program, sockets: Path) -> subprocess.Popen[bytes]:
        with self.log(program.name).open("ab") as log:
            process = launch(program, self.folder / "run", log)
        self.running.append((process, program, sockets))
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def stop(self) -> None:
        """End everything and remove the folders; a second call does nothing."""
        while self.running:
            process, program, sockets = self.running.pop()
            end(process, program)
            shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
