"""Bells find their way again by themselves after Valkey was away; meanwhile the net delivers."""

from __future__ import annotations

import copy
import signal
import time

import pytest

from controlplane.embedded.processes import end
from controlplane.embedded.temporary import TemporaryServers
from controlplane.events.live import notify
from tests.events.conftest import frames, until_caught_up, wait_until, web_process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
QUICK_SECONDS = 0.5


class OwnBroker:
    """A Valkey that can be taken away and brought back at the same address."""

    def __init__(self) -> None:
        self.servers = TemporaryServers()
        self.url = self.servers.start_valkey("flaky")
        self.process, self.program, self.sockets = self.servers.running[0]

    def go_away(self) -> None:
        end(self.process, self.program)
        self.servers.running.clear()

    def come_back(self) -> None:
        self.process = self.servers.launch(self.program, self.sockets)


@pytest.fixture
def broker(monkeypatch, settings):
    """One that both the web process and this process ring through."""
    own = OwnBroker()
    layers = copy.deepcopy(settings.CHANNEL_LAYERS)
    layers["default"]["CONFIG"]["hosts"] = [own.url]
    settings.CHANNEL_LAYERS = layers
    monkeypatch.setattr(notify, "_notifier", notify.Notifier())
    yield own
    own.servers.stop()


def lateness_of_next(probe, live) -> float:
    """Seconds from writing an event to its frame."""
    written = time.monotonic()
    probe.write()
    assert frames(live, 1, seconds=5)[0]["seq"] == probe.seq
    return time.monotonic() - written


def test_bells_ring_again_after_the_broker_was_away(broker, world, probe):
    token = world.token("bob")
    with web_process(REDIS_URL=broker.url) as server, server.script(probe.path, token) as live:
        until_caught_up(live)
        wait_until(lambda: lateness_of_next(probe, live) < QUICK_SECONDS, 10)
        broker.go_away()
        assert lateness_of_next(probe, live) < 3
        broker.come_back()
        wait_until(lambda: lateness_of_next(probe, live) < QUICK_SECONDS, 20)
        with server.script(f"{probe.path}?after={probe.seq}", token) as another:
            until_caught_up(another)
            assert lateness_of_next(probe, another) < QUICK_SECONDS


def test_ringing_never_waits_for_a_broker_that_hangs(broker, world, probe):
    broker.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    for number in range(500):
        notify.notify_project(number)
    assert time.monotonic() - started < notify.SEND_SECONDS / 2
    assert len(notify._notifier._pending) <= notify.LONGEST_QUEUE
    broker.process.send_signal(signal.SIGCONT)
