"""A whole portal for measuring: durable servers of its own, and the processes that people run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg

from controlplane.embedded.temporary import TemporaryServers

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60


class Portal:
    """PostgreSQL with fsync, Valkey, and any of web, worker and sweeper; `stop` ends all and removes the data."""

    def __init__(self) -> None:
        self.servers = TemporaryServers(durable=True)
        self.database_url = self.servers.start_postgres()
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.servers.start_valkey(),
            "SECRET_KEY": "of-a-portal-that-lives-for-some-minutes-0123456789abcdef",
            "SPARKOPS_SECRETS_KEYS": "bench:" + "A" * 43 + "=",
            "SPARKOPS_DATA_DIR": str(self.servers.folder / "data"),
            "SPARKOPS_OUTBOUND_ALLOW": "127.0.0.0/8",
            "API_CALLS_PER_MINUTE": "1000000",
            "PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
        }
        os.environ.update(self.environment)
        self.roles: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def start(self, *roles: str) -> None:
        for role in roles:
            environment = os.environ | {"SPARKOPS_WORKER_NAME": f"bench-{role}"}
            with self.servers.log(role).open("ab") as log:
                self.roles[role] = subprocess.Popen(
                    [sys.executable, "manage.py", *role.split()],
                    cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        if "web" in roles:
            wait_until(lambda: answers(f"{self.address}/health/live"))
        if "worker" in roles:
            wait_until(self.worker_is_there)

    def worker_is_there(self) -> bool:
        with psycopg.connect(self.database_url) as connection:
            seen = "SELECT count(*) FROM runs_worker WHERE seen_at > now() - interval '3 seconds'"
            return connection.execute(seen).fetchone()[0] > 0

    def kill(self, role: str) -> None:
        process = self.roles.pop(role)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.roles.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.roles.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.servers.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


def wait_until(condition, seconds: float = PATIENCE_SECONDS, every: float = 0.05) -> float:
    """Seconds until `condition()` was true. Raises TimeoutError."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > seconds:
            raise TimeoutError("What the measurement waits for did not happen.")
        time.sleep(every)
    return time.perf_counter() - started
