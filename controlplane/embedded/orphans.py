"""PostgreSQL processes that outlived their supervisor: found by the data folder they work on, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from controlplane.embedded.processes import MOMENT, started_at

# How they are asked, and for how many seconds: a fast shutdown first, then none at all, which costs a recovery.
WAYS = ((signal.SIGINT, 20.0), (signal.SIGKILL, 5.0))


def end_servers_on(data: Path) -> None:
    """End every process of a server on the data folder `data`."""
    for signum, seconds in WAYS:
        for pid in processes_in(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        deadline = time.monotonic() + seconds
        while processes_in(data) and time.monotonic() < deadline:
            time.sleep(MOMENT)


def processes_in(data: Path) -> list[int]:
    """The processes of a server on `data`: they work in that folder, or carry it in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and (works_in(entry, data) or serves(entry, data)) and started_at(pid):
            found.append(pid)
    return found


def works_in(entry: Path, data: Path) -> bool:
    try:
        return os.readlink(entry / "cwd") == str(data) and is_postgres(entry)
    except OSError:
        return False


def serves(entry: Path, data: Path) -> bool:
    arguments = command_line(entry)
    return is_postgres(entry) and b"-D" in arguments and os.fsencode(data) in arguments


def is_postgres(entry: Path) -> bool:
    arguments = command_line(entry)
    return Path(os.fsdecode(arguments[0])).name.startswith("postgres")


def command_line(entry: Path) -> list[bytes]:
    try:
        return (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def disown_stale_pid(lock: Path) -> None:
    """When the pid in a stale lock file now belongs to another program, name ourselves instead.

    PostgreSQL refuses to start while that pid is alive, unless it is its parent's; its other check, for
    shared memory still in use, needs the rest of the file and stays in force.
    """
    lines = lock.read_text().splitlines() if lock.exists() else []
    if lines and not is_postgres(Path("/proc") / lines[0]) and Path("/proc/self").exists():
        owner = lock.stat()
        lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
