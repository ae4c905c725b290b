"""The whole thing as a person starts it: `manage.py up` with nothing set, in an empty data folder."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.embedded.folders import REPOSITORY
from controlplane.embedded.processes import started_at
from tests.embedded.conftest import bare_environment, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
STARTED = "Ctrl-C stops everything"
CHILDREN = {"postgres", "valkey", "web", "worker", "sweeper"}
PATIENCE = 90


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Installation:
    """`manage.py up` on one data folder and port; what it printed in `said`."""

    def __init__(self, data):
        self.data, self.port = data, free_port()

    def start(self, **environment):
        own = {"PORT": str(self.port), "SPARKOPS_DATA_DIR": str(self.data), "SPARKOPS_DEMO": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=REPOSITORY,
            env=bare_environment(**own | environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if STARTED in line:
                return self
        raise AssertionError("it did not start:\n" + "".join(self.said))

    def pid(self, name):
        return json.loads((self.data / "run" / f"{name}.json").read_text())["pid"]

    def pids(self):
        return {path.stem: self.pid(path.stem) for path in (self.data / "run").glob("*.json")}

    def answers(self, path="/health/live"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.said += self.process.communicate(timeout=PATIENCE)[0].splitlines()
        return self.process.returncode


def command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


@pytest.fixture
def installation(data):
    installation = Installation(data).start()
    yield installation
    installation.stop()


def test_it_starts_survives_any_death_and_stops(installation):
    text = "".join(installation.said)
    assert f"http://127.0.0.1:{installation.port}/" in text
    assert "Sign in as admin with the password" in text
    first = installation.pids()
    assert set(first) >= CHILDREN
    password = (installation.data / "postgres_password").read_text().strip()
    assert not any(password in line for line in command_lines())
    assert not any(password in log.read_text() for log in (installation.data / "logs").iterdir())
    assert password not in text

    for name in ("web", "worker", "sweeper", "postgres", "valkey"):
        os.kill(first[name], signal.SIGKILL)
    eventually(lambda: all(installation.pid(name) != first[name] for name in CHILDREN), PATIENCE)
    eventually(lambda: installation.answers("/health/ready"), PATIENCE)

    last = installation.pids()
    assert installation.stop() == 0
    assert not any(started_at(pid) for pid in last.values())
    assert not list((installation.data / "run").glob("*.json"))


def test_it_starts_again_on_the_same_data_after_the_supervisor_was_killed(installation):
    left = installation.pids()
    installation.process.kill()
    installation.process.communicate()
    eventually(lambda: not any(map(started_at, left.values())), PATIENCE)
    installation.start()
    assert "Sign in as admin; the password is in" in "".join(installation.said)
    assert eventually(installation.answers, PATIENCE)


def test_it_uses_the_servers_it_is_given(data):
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    installation = Installation(data).start(**given)
    try:
        assert set(installation.pids()) == {"web", "worker", "sweeper"}
        assert not (data / "postgres").exists()
    finally:
        assert installation.stop() == 0
