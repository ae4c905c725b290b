"""Connections are few: work that waits for others keeps none, and the heartbeat always has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, connections, transaction

from agents import actions
from agents.calls.agents import call_agent
from agents.calls.context import CallContext
from agents.calls.tools import call_tool
from agents.catalogue.saving import snapshot_of
from agents.databases.query import run_query
from agents.health.domain import probe_now
from agents.instances.connections import open_instance
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import ConnectionHeld, use_own_connection
from controlplane.domain.failures import Failure
from controlplane.domain.queueing import send_task
from controlplane.outbound.client import send
from controlplane.outbound.exchange import OutboundRequest
from runs.engine.finish import finish
from runs.engine.leases import Lease, Leases
from runs.engine.logs import CHUNK_LINES, LogBuffer
from runs.engine.outcome import Outcome
from runs.engine.sql import release_connection
from runs.executors.context import StepContext
from tests.agents.catalogue import make_agent, make_instance, make_tool
from tests.agents.model_server import says_text
from tests.agents.servers import Asked, LocalServer, Says
from tests.runs.driving import start, step, take, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def context(world):
    run = start(world, step("a"))
    claimed = take(run, "a")
    log = LogBuffer(run_id=run.pk, step_id=claimed.id, attempt_no=1)
    yield StepContext(claimed=claimed, request={}, token=CancelToken(), log_buffer=log)
    log.flush()
    finish(claimed, Outcome("succeeded"))


def reports(context) -> None:
    context.progress(1, 1)


def logs_a_chunk(context) -> None:
    context.log("info", "line\n" * CHUNK_LINES)


@pytest.mark.parametrize("says", [reports, logs_a_chunk])
def test_what_a_function_says_takes_no_connection_for_longer(context, says):
    release_connection()
    says(context)
    assert connection.connection is None


@pytest.mark.parametrize("says", [reports, logs_a_chunk])
def test_a_function_that_uses_the_database_itself_keeps_its_connection(context, says):
    connection.ensure_connection()
    before = connection.connection
    says(context)
    assert connection.connection is before


def test_the_heartbeat_comes_while_all_pooled_connections_are_taken(context):
    leases = Leases()
    taken = [connection.pool.getconn() for _ in range(connection.pool.max_size - 1)]
    try:
        leases.hold(Lease(context.claimed, CancelToken(), context.log_buffer))
        context.log("info", "seen by the heartbeat")
        wait_until(lambda: not context.log_buffer._lines)
    finally:
        for one in taken:
            connection.pool.putconn(one)
        leases.drop(Lease(context.claimed, CancelToken(), context.log_buffer))


def test_a_connection_of_its_own_is_not_one_of_the_pool(world):
    def of_pool() -> bool:
        use_own_connection()
        connection.ensure_connection()
        try:
            return connection.pool is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(of_pool).result() is False


def seen_by_the_other_side(call: Callable[[str], object], settings) -> list[object]:
    """The connection that the calling thread holds while an HTTP server answers it."""
    own, seen = connections["default"], []

    def answer(asked: Asked) -> Says:
        seen.append(own.connection)
        return Says(says_text("done").body if "completions" in asked.path else {"ok": True})

    with LocalServer(answer) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        own.ensure_connection()
        call(server.url)
    return seen


def through_the_door(world, url: str) -> None:
    send(OutboundRequest(url=url), token=CancelToken())


def a_tool(world, url: str) -> None:
    tool = make_tool(world, config={"method": "GET", "url": url})
    call_tool(snapshot_of(tool), {}, CallContext(world.acme.pk, CancelToken()))


def a_model(world, url: str) -> None:
    agent = make_agent(world, config={"base_url": f"{url}/v1", "model": "scripted"})
    call_agent(snapshot_of(agent), {"prompt": "Go"}, CallContext(world.acme.pk, CancelToken()), {})


def a_probe(world, url: str) -> None:
    tool = make_tool(world, config={"method": "GET", "url": url})
    actions.start_probing(tool, by=world.actor("erin"))
    probe_now("tool", tool.pk)


@pytest.mark.parametrize("call", [through_the_door, a_tool, a_model, a_probe])
def test_nothing_outside_is_waited_for_with_a_connection(world, settings, call):
    assert seen_by_the_other_side(partial(call, world), settings) == [None]


def test_a_database_is_not_waited_for_with_a_connection(world, tmp_path, settings):
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
    instance = make_instance(world, tmp_path)
    own, seen = connections["default"], []
    opened = open_instance(instance)
    own.ensure_connection()
    token = CancelToken()
    threading.Thread(target=lambda: (token.wait(0.2), seen.append(own.connection), token.cancel()), daemon=True).start()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(Failure):
        run_query(opened.connection, endless, {}, token=token)
    assert seen == [None]


def test_waiting_inside_a_transaction_is_a_fault(world):
    with LocalServer(Says()) as server:
        with pytest.raises(ConnectionHeld), transaction.atomic():
            send(OutboundRequest(url=server.url), token=CancelToken(), allow=[server.address])
        assert server.asked == []


def test_the_bell_is_rung_without_a_connection(world):
    connection.ensure_connection()
    send_task("agents.tasks.probe", "tool", 0)
    assert connection.connection is None
