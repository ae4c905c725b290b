"""Child processes that die with their parent, are known by pid and start, and are ended after crashes."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.embedded.accounts import Account

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
MOMENT = 0.02


@dataclass(frozen=True)
class Program:
    """One child: how it starts, and how it is asked to end (`patience`: seconds before it is killed)."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] | None = None
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    patience: float = 10
    before: Callable[[], None] | None = None


def launch(
    program: Program, records: Path, output: Any = None, errors: Any = subprocess.STDOUT
) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own and note it in the folder `records`.

    Call it from the main thread: the system ends the child when the thread that started it ends.
    """
    if program.before:
        program.before()
    process = subprocess.Popen(
        program.command,
        cwd=program.folder,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        preexec_fn=die_with_parent(program.orphan_signal),
        **(program.account.drop if program.account else {}),
    )
    note(program, process.pid, records)
    return process


def die_with_parent(signum: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that it gets `signum` when we are gone."""
    if LIBC is None:
        return None
    parent = os.getpid()

    def arrange() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def end(process: subprocess.Popen[bytes], program: Program, *, force: bool = False) -> None:
    """Ask the child to end, wait `patience`, then kill what is left of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL if force else program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(program.patience)
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def note(program: Program, pid: int, records: Path) -> None:
    """Remember a child in `records`/NAME.json."""
    facts = {
        "pid": pid,
        "started": started_at(pid),
        "stop_signal": program.stop_signal,
        "patience": program.patience,
    }
    records.mkdir(mode=0o700, exist_ok=True)
    (records / f"{program.name}.json").write_text(json.dumps(facts))


def forget(program: Program, records: Path) -> None:
    """Drop the record of a child that ended."""
    (records / f"{program.name}.json").unlink(missing_ok=True)


def end_leftovers(records: Path, last: tuple[str, ...] = ("valkey", "postgres")) -> list[str]:
    """End what a killed supervisor left running, the servers last; returns the names of what was there."""
    found = []
    for path in sorted(records.glob("*.json"), key=lambda path: (path.stem in last, path.stem == "postgres")):
        facts = read_note(path)
        if facts and is_alive(facts["pid"], facts["started"]):
            found.append(path.stem)
            end_stranger(facts["pid"], facts["started"], facts["stop_signal"], facts["patience"])
        path.unlink(missing_ok=True)
    return found


def read_note(path: Path) -> dict[str, Any] | None:
    """A child's record; None for one that was cut off in the writing."""
    try:
        facts = json.loads(path.read_text())
        return {
            "pid": int(facts["pid"]),
            **{key: facts[key] for key in ("started", "stop_signal", "patience")},
        }
    except (ValueError, KeyError, TypeError, OSError):
        return None


def end_stranger(pid: int, started: str, stop_signal: int, patience: float) -> None:
    """End a process that is not our child: ask, wait, kill its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, stop_signal)
    deadline = time.monotonic() + patience
    while is_alive(pid, started) and time.monotonic() < deadline:
        time.sleep(MOMENT)
    if is_alive(pid, started):
        kill_group(pid)


def is_alive(pid: int, started: str) -> bool:
    """Whether the very process that began at `started` still runs: a pid alone may have a new owner."""
    return bool(started) and started_at(pid) == started


def started_at(pid: int) -> str:
    """When a process began, in the system's own words; empty when there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S607
    return answer.stdout.strip()
