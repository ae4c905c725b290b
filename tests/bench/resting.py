"""`manage.py up` as a person has it: how long until the first page, and how much memory it takes at rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.portal import ROOT, answers, free_port, wait_until
from tests.bench.results import Report


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="sparkops-rest-") as folder:
        Path(folder).chmod(0o755)
        first, after_work = start_and_rest(folder, rest=8)
        report.add("first start with a new data folder, to the first page", first, "s")
        report.add("memory after the demo's first run (PSS), everything", after_work, "MiB")
        again, memory = start_and_rest(folder, rest=8)
        report.add("start to first page", again, "s", aim="<= 6", met=again <= 6)
        report.add("memory at rest (PSS), everything", memory, "MiB", aim="<= 400", met=memory <= 400)


def start_and_rest(folder: str, *, rest: float) -> tuple[float, float]:
    """(seconds to the sign-in page, MiB of all processes after `rest` seconds)."""
    port = free_port()
    keep = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    environment = keep | {
        "SPARKOPS_DATA_DIR": folder,
        "PORT": str(port),
        "SPARKOPS_ADMIN_PASSWORD": "bench-only-pass-1",
    }
    command = [sys.executable, "manage.py", "up"]
    started = time.perf_counter()
    up = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/accounts/login/"), seconds=120)
        taken = time.perf_counter() - started
        time.sleep(rest)
        return taken, sum(proportional_memory(process) for process in family(up.pid)) / 2**20
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=60)


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def proportional_memory(process: psutil.Process) -> int:
    """Bytes, shared pages counted by share; 0 for a process that is gone."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0
