import shutil
import socket

import pytest

from controlplane.embedded import valkey
from controlplane.embedded.processes import end, launch


@pytest.fixture
def broker(data):
    broker = valkey.prepare(data)
    process = launch(broker.program(), data / "run")
    broker.wait_until_ready(process)
    yield broker, process
    end(process, broker.program())
    shutil.rmtree(broker.sockets)


def ask(broker, *words):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(broker.socket))
        wire.sendall((" ".join(words) + "\r\n").encode())
        return wire.recv(4096).decode()


def test_it_listens_on_a_private_socket_only(broker):
    running, _ = broker
    assert ask(running, "CONFIG", "GET", "port").split()[-1] == "0"
    assert running.socket.stat().st_mode & 0o077 == 0


def test_it_drops_what_expires_and_never_a_message(broker):
    running, _ = broker
    assert "volatile-lru" in ask(running, "CONFIG", "GET", "maxmemory-policy")


def test_it_starts_again_after_kill_9(broker, data):
    running, process = broker
    process.kill()
    process.wait()
    assert not running.answers()
    second = launch(running.program(), data / "run")
    running.wait_until_ready(second)
    end(second, running.program())
    assert second.returncode == 0
