"""The embedded Valkey: a bell that may lose everything, so it keeps nothing on disk."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from controlplane.embedded.binaries import find_valkey
from controlplane.embedded.folders import runtime_folder
from controlplane.embedded.problems import CannotStart
from controlplane.embedded.processes import MOMENT, Program

READY_SECONDS = 20


@dataclass(frozen=True)
class Broker:
    """A Valkey server that listens on one socket in a private folder."""

    binary: Path
    sockets: Path
    name: str = "valkey"

    @property
    def socket(self) -> Path:
        return self.sockets / f"{self.name}.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def program(self) -> Program:
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--appendonly": "no",
            "--maxmemory": "256mb",
            # Only what has a time to live may be dropped: cached values and counters, never a message.
            "--maxmemory-policy": "volatile-lru",
            "--loglevel": "warning",
        }
        command = (str(self.binary), *(part for option in options.items() for part in option), "--save", "")
        return Program(name=self.name, command=command, folder=self.sockets, before=self.clear_the_way)

    def clear_the_way(self) -> None:
        self.socket.unlink(missing_ok=True)

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers. Raises CannotStart when it ends or does not answer in time."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart("Valkey did not start; its log is in the data folder.")
            time.sleep(MOMENT)

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(1)
                wire.connect(str(self.socket))
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def prepare(data: Path, name: str = "valkey") -> Broker:
    """The broker that goes with the data folder `data`. Raises CannotStart when there is no server to run."""
    return Broker(find_valkey(), runtime_folder(data), name)
