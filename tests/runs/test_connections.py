"""Connections are few: work that waits for others keeps none, and the heartbeat always has its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import use_own_connection
from runs.engine.finish import finish
from runs.engine.leases import Lease, Leases
from runs.engine.logs import CHUNK_LINES, LogBuffer
from runs.engine.outcome import Outcome
from runs.engine.sql import release_connection
from runs.executors.context import StepContext
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
