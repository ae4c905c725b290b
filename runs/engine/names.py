"""One living worker a name: who starts waits for an earlier one to be gone, and gives way to a live one."""

from __future__ import annotations

import os
import socket
import time
from functools import cache
from pathlib import Path

from django.conf import settings

from controlplane.embedded.processes import is_alive, started_at
from runs.engine.sql import Row, run_statement

LOOK_SECONDS = 0.25
# The processes of a pool have names of their own behind a #.
OTHERS = """
SELECT name, boot, life, seen_at, seen_at < now() - make_interval(secs => %(lease)s) AS is_silent,
       extract(epoch FROM now() - seen_at)::float AS silent_seconds
FROM runs_worker WHERE (name = %(name)s OR starts_with(name, %(name)s || '#')) AND boot <> %(boot)s
"""


class NameTaken(Exception):
    """Another worker of this name is alive."""


def wait_for_name(name: str, boot: str) -> None:
    """Return once nobody who may be alive has `name`: at once on the machine where the earlier one ran, after a lease
    without a sign of life elsewhere. Raises NameTaken when one gives a sign of life meanwhile.
    """
    seen: dict[str, object] = {}
    while others := [row for row in earlier(name, boot) if may_live(row)]:
        for row in others:
            if seen.setdefault(row["boot"], row["seen_at"]) != row["seen_at"]:
                raise NameTaken(
                    f"Another worker named {name} is running (process {row['life'].rsplit('/', 2)[-2]}). Give each "
                    "worker a SPARKOPS_WORKER_NAME of its own, or none."
                )
        time.sleep(LOOK_SECONDS)


def earlier(name: str, boot: str) -> list[Row]:
    """Workers of other starts under this name, with `is_silent`: whether none was heard of for a lease's time."""
    return run_statement(OTHERS, {"name": name, "boot": boot, "lease": settings.ENGINE_LEASE_SECONDS})


def may_live(row: Row) -> bool:
    """Whether the process behind the row could still be at work; of another machine, only its silence tells."""
    place, _, process = row["life"].partition("/")
    if row["is_silent"]:
        return False
    pid, _, started = process.partition("/")
    return place != machine() or is_alive(int(pid), started)


def this_life() -> str:
    """`machine/pid/start`: no other process ever has the same."""
    return f"{machine()}/{os.getpid()}/{started_at(os.getpid())}"


@cache
def machine() -> str:
    """This start of the machine, and the view of it that numbers processes: each container has its own."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()}:{boot_id}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()
