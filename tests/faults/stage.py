"""Where the scenarios play: a PostgreSQL, a Valkey, a ledger and real processes of the portal, all our own."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from controlplane.embedded.processes import die_with_parent, end
from controlplane.embedded.temporary import TemporaryServers

ROOT = Path(__file__).resolve().parents[2]
# Short enough to wait for, long enough for a loaded machine.
TIMES = {"ENGINE_LEASE_SECONDS": "3", "ENGINE_HEARTBEAT_SECONDS": "1", "ENGINE_RING_AGAIN_SECONDS": "2"}
START_SECONDS = 60


class Process:
    """A process in a session of its own, with its log in a file."""

    def __init__(self, name: str, log: Path, *command: str, **environment: str) -> None:
        self.name, self.log = name, log
        self.began = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def send(self, signum: int) -> None:
        """To the whole group: the process and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signum)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.popen.wait(timeout=20)

    def said(self) -> str:
        """What it wrote since it was started."""
        return self.log.read_bytes()[self.began :].decode(errors="replace")


class Stage:
    """Start it before Django is set up: it sets the environment that settings are read from."""

    def __init__(self) -> None:
        self.servers = TemporaryServers(durable=True)
        self.folder = self.servers.folder / "stage"
        self.folder.mkdir()
        self.processes: list[Process] = []
        self.ledger_file = self.folder / "ledger.jsonl"
        self.ledger_file.touch()
        ledger = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.ledger", str(self.ledger_file)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip
        self.ledger_process = ledger
        self.ledger = f"127.0.0.1:{ledger.stdout.readline().strip()}"
        os.environ |= {
            "SPARKOPS_DATA_DIR": str(self.folder),
            "SPARKOPS_INSTANCE_ROOTS": str(self.folder),
            "SPARKOPS_OUTBOUND_ALLOW": self.ledger,
            "SPARKOPS_FUNCTION_MODULES": "tests.runs.functions",
            "SPARKOPS_SECRETS_KEYS": f"test:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
            "DATABASE_URL": self.servers.start_postgres(),
            "REDIS_URL": self.servers.start_valkey(),
            "LOG_LEVEL": "WARNING",
            **TIMES,
        }
        self.postgres, self.valkey = self.servers.running

    def prepare(self) -> None:
        """Set Django up in this process, make the schema, a project, its people and what its workflows use."""
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        from tests.faults.cast import Cast

        self.cast = Cast(self)

    # Processes of the portal

    def start(self, name: str, *command: str, **environment: str) -> Process:
        process = Process(name, self.folder / f"{name}.log", *command, **environment)
        self.processes.append(process)
        return process

    def worker(self, name: str, *, threads: int = 8, **environment: str) -> Process:
        """Workers with a name take their own work back when they come again."""
        own = {"SPARKOPS_WORKER_NAME": name, **environment}
        return self.start(name, "manage.py", "worker", "--concurrency", str(threads), **own)

    def wait_for_workers(self, *names: str) -> None:
        """Until these, in their present life, say that they are ready."""
        from runs.models import Worker

        wait_until(lambda: Worker.objects.filter(name__in=names).count() == len(names), START_SECONDS, "the workers")

    def sweeper(self, name: str = "sweeper") -> Process:
        return self.start(name, "manage.py", "sweeper")

    def web(self, **environment: str) -> tuple[Process, str]:
        """A web process that answers, and its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = self.start("web", "manage.py", "web", "--host", "127.0.0.1", "--port", str(port), **environment)
        wait_until(lambda: answers(port), START_SECONDS, "the web process to answer")
        return process, f"127.0.0.1:{port}"

    def end_processes(self) -> None:
        for process in self.processes:
            process.kill()
        self.processes.clear()
        # Nothing to forget when Django could not even be set up.
        with suppress(Exception):
            from runs.models import Worker

            Worker.objects.all().delete()

    def close(self) -> None:
        self.end_processes()
        self.ledger_process.kill()
        self.ledger_process.wait()
        self.servers.stop()

    # Servers that go away and come back

    def stop_valkey(self) -> None:
        process, program, _ = self.valkey
        end(process, program)
        self.servers.running.remove(self.valkey)

    def start_valkey(self) -> None:
        _, program, sockets = self.valkey
        self.servers.launch(program, sockets)
        self.valkey = self.servers.running[-1]

    def restart_postgres(self, down_seconds: float) -> None:
        """As `pg_ctl restart -m immediate`: every connection breaks, nothing is written in peace."""
        process, program, sockets = self.postgres
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
        time.sleep(down_seconds)
        self.servers.running.remove(self.postgres)
        self.servers.launch(program, sockets)
        self.postgres = self.servers.running[-1]

    def sqlite(self) -> Path:
        path = self.folder / "orders.sqlite"
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL)")
            database.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n * 1.5) for n in range(1, 101)])
        return path


def answers(port: int) -> bool:
    with suppress(OSError, urllib.error.URLError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2).status == 200
    return False


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask until `condition()` is true; its value. TimeoutError names `what` did not come."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)
    return value
