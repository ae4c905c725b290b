"""What live sockets survive: bells that are lost, a Valkey that restarts, bursts, clients that do not read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed

from tests.events.conftest import frames, until_caught_up, wait_until, web_process
from tests.events.probe import Probe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def deaf_server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), web_process(BAD_BELLS="1") as running:
        yield running


def test_lost_and_late_bells_leave_no_gap_and_delay_little(deaf_server, world, probe):
    lateness = []
    with deaf_server.script(probe.path, world.token("bob")) as live:
        until_caught_up(live)
        for seq in range(1, 21):
            written = time.monotonic()
            probe.write()
            [frame] = frames(live, 1, seconds=5)
            lateness.append(time.monotonic() - written)
            assert frame["seq"] == seq
    assert max(lateness) < 3


def test_many_watchers_of_a_burst_all_end_at_its_last_event(server, world, probe):
    token, watchers, events = world.token("bob"), 50, 5000
    ready = threading.Barrier(watchers + 1)

    def watch() -> list[int]:
        with server.script(probe.path, token, max_queue=None) as live:
            until_caught_up(live)
            ready.wait(timeout=30)
            return [frame["seq"] for frame in frames(live, events, seconds=60)]

    with ThreadPoolExecutor(watchers) as pool:
        seen = [pool.submit(watch) for _ in range(watchers)]
        ready.wait(timeout=30)
        for _ in range(50):
            probe.write(events // 50)
        assert all(each.result() == list(range(1, events + 1)) for each in seen)


def test_writers_at_the_same_time_lose_nothing_in_the_feed(server, world):
    """Transactions that overlap commit in another order than their ids."""
    probes = [Probe(world.acme, number) for number in range(1, 6)]

    def write(probe: Probe) -> None:
        for _ in range(20):
            probe.write()
        connection.close()

    with server.browser("/ws/activity?project=acme", world.client("bob")) as live:
        until_caught_up(live)
        with ThreadPoolExecutor(len(probes)) as pool:
            list(pool.map(write, probes))
        seen = [(frame["subject"]["id"], frame["subject"]["seq"]) for frame in frames(live, 100)]
    assert sorted(seen) == [(probe.pk, seq) for probe in probes for seq in range(1, 21)]


def test_data_too_large_for_a_frame_is_left_out(server, world, probe):
    probe.write(1, text="ü" * 40_000)
    probe.write(1, text="ü" * 20_000)
    with server.script(probe.path, world.token("bob")) as live:
        first, second = until_caught_up(live)
    assert (first["seq"], first["data"]) == (1, {"truncated": True})
    assert second["data"]["text"] == "ü" * 20_000


def test_a_client_that_does_not_read_is_closed_and_grows_nothing(server, world, probe):
    token = world.token("bob")
    page = "x" * 40_000
    with server.script(probe.path, token, max_queue=1) as stuck, server.script(probe.path, token) as healthy:
        until_caught_up(healthy)
        port = stuck.socket.getsockname()[1]
        before = memory_mib(server)
        for _ in range(400):
            probe.write(5, text=page)
            assert frames(healthy, 5)[-1]["seq"] == probe.seq
        assert memory_mib(server) - before < 64
        # 80 MB were offered. What it finds when it reads at last is what the network held, then the end.
        wait_until(lambda: not is_served(server, port), 30)
        with pytest.raises(ConnectionClosed):
            frames(stuck, 2000, seconds=10)


def processes(server) -> list[psutil.Process]:
    """The one that opened the socket, and those that serve."""
    parent = psutil.Process(server.process.pid)
    return [parent, *parent.children()]


def memory_mib(server) -> float:
    return sum(process.memory_info().rss for process in processes(server)) / 2**20


def is_served(server, port: int) -> bool:
    """Whether the web process still holds its end of the connection of the client at this port."""
    connections = [each for process in processes(server) for each in process.net_connections("tcp")]
    return any(each.raddr and each.raddr.port == port for each in connections)


def test_one_query_serves_all_watchers_of_a_stream(server, world, probe):
    token = world.token("bob")
    with ExitStack() as stack:
        sockets = [stack.enter_context(server.script(probe.path, token)) for _ in range(20)]
        for live in sockets:
            until_caught_up(live)
        before = reads_of_events()
        probe.write()
        assert [frames(live, 1)[0]["seq"] for live in sockets] == [1] * 20
        assert reads_of_events() - before < 10


def reads_of_events() -> int:
    """Index reads of the events table by everybody, as PostgreSQL counts them."""
    with connection.cursor() as sql:
        sql.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        sql.execute("SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'events_event'")
        return sql.fetchone()[0]
