"""Several web processes behind one port: they share the work, and none takes the others along."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from controlplane.embedded.folders import REPOSITORY
from tests.bench.portal import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
LIVE = "/health/live"


class Web:
    """`manage.py web` with so many processes. It needs no database for what is asked of it here."""

    def __init__(self, processes: int) -> None:
        self.port = free_port()
        command = [sys.executable, "manage.py", "web", "--port", str(self.port), "--processes", str(processes)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=os.environ | {"DEBUG": ""}, start_new_session=True, stdout=subprocess.PIPE
        )

    @property
    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def answers(self, connection: http.client.HTTPConnection | None = None) -> bool:
        """On a connection that is open already, or on a new one."""
        asked = connection or self.connection()
        try:
            asked.request("GET", LIVE)
            response = asked.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            if connection is None:
                asked.close()


@contextmanager
def web(processes: int) -> Iterator[Web]:
    started = Web(processes)
    try:
        wait_until(started.answers)
        wait_until(lambda: len(started.children) == (processes if processes > 1 else 0))
        yield started
    finally:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.communicate()


def spread(running: Web, each: int = 5) -> list[http.client.HTTPConnection]:
    """Connections that stay open, so many at least on each process."""
    connections: list[http.client.HTTPConnection] = []

    def is_spread() -> bool:
        connections.append(running.connection())
        assert running.answers(connections[-1])
        return all(held_by(pid) >= each for pid in running.children)

    wait_until(is_spread)
    return connections


def held_by(pid: int) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(pid).net_connections("tcp"))


def test_one_that_dies_takes_its_own_connections_and_is_replaced():
    with web(2) as running:
        connections = spread(running)
        dying, living = running.children
        os.kill(dying, signal.SIGKILL)
        wait_until(lambda: dying not in running.children and len(running.children) == 2)
        kept = [running.answers(connection) for connection in connections]
        assert 5 <= sum(kept) <= len(kept) - 5
        assert living in running.children
        assert all(running.answers() for _ in range(20))


def test_they_are_replaced_one_and_all_without_refusing_anybody():
    with web(2) as running:
        before, failures, asked, done = set(running.children), [], [0], threading.Event()

        def go_on_asking() -> None:
            while not done.is_set():
                asked[0] += 1
                if not running.answers():
                    failures.append(asked[0])

        asking = [threading.Thread(target=go_on_asking) for _ in range(2)]
        for thread in asking:
            thread.start()
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(running.children) == 2 and not before & set(running.children))
        done.set()
        for thread in asking:
            thread.join()
        assert (failures, asked[0] > 0) == ([], True)


def test_asked_to_end_all_of_them_end_and_with_their_parent_killed_as_well():
    with web(2) as running:
        children = running.children
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert not any(psutil.pid_exists(pid) for pid in children)
    with web(2) as running:
        children = running.children
        running.process.kill()
        wait_until(lambda: not any(map(is_alive, children)))


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_one_alone_has_no_parent_and_a_taken_port_is_told_in_one_line():
    with web(1) as running:
        command = [sys.executable, "manage.py", "web", "--port", str(running.port)]
        second = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{running.port}: Address already in use." in second.stderr
        assert "Traceback" not in second.stderr
