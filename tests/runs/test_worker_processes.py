"""The real worker and sweeper processes, on the tests' own database and broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from agents.actions import create_tool
from runs.actions import cancel_run
from runs.models import Run, StepRun, Worker
from tests.agents.servers import LocalServer, Says
from tests.events.conftest import test_database_url as database_url
from tests.runs.driving import drain, function_tool, output, start, states, step, wait_until
from tests.world import make_workflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(180)]
SECONDS = 60


@contextmanager
def process(*command: str, **environment: str):
    own = {"DATABASE_URL": database_url(), "SPARKOPS_FUNCTION_MODULES": "tests.runs.functions", **environment}
    running = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, **own},
        start_new_session=True,
    )
    try:
        yield running
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(timeout=20)


@contextmanager
def working(name: str = "w1", *options: str, **environment: str):
    """A worker that is ready, and a sweeper."""
    earlier = list(Worker.objects.values_list("boot", flat=True))
    with process("sweeper"), process("worker", *options, SPARKOPS_WORKER_NAME=name, **environment) as worker:
        ready = Worker.objects.filter(name__startswith=name).exclude(boot__in=earlier)
        wait_until(ready.exists, SECONDS)
        yield worker


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.is_final


def test_a_run_of_every_kind_is_done_by_real_processes(world):
    function_tool(world, "echo", "test-echo")
    function_tool(world, "compute", "test-compute")
    make_workflow(world.acme, "child", {"steps": [step("only")]})
    run = start(
        world,
        step("each", "tool:echo", foreach=[1, 2, 3], with_={"n": "${{ item }}"}),
        step("sum", "tool:compute", needs="each", with_={"n": 10}),
        step("rest", "wait", needs="sum", with_={"seconds": 0.1}),
        step("call", "workflow:child", needs="rest"),
    )
    with working():
        wait_until(lambda: ended(run), SECONDS)
    assert (run.state, output(run, "sum")) == ("succeeded", 45)


def test_fifty_calls_wait_at_once_in_one_process(world):
    """Their connections to our database serve others meanwhile: there are fewer of them than calls."""
    with LocalServer(Says({}, hold=True)) as web:
        create_tool(world.acme, name="call", kind="http", config={"method": "POST", "url": web.url},
                    by=world.actor("erin"))  # fmt: skip
        run = start(world, step("each", "tool:call", foreach=list(range(50)), max_parallel=50))
        with working(SPARKOPS_OUTBOUND_ALLOW=web.address, DATABASE_POOL_SIZE="5"):
            wait_until(lambda: len(web.asked) == 50, SECONDS)
            web.release.set()
            wait_until(lambda: ended(run), SECONDS)
    assert run.state == "succeeded"


def test_a_cancel_reaches_a_call_in_another_process_within_two_seconds(world):
    function_tool(world, "sleep", "test-sleep")
    run = start(world, step("a", "tool:sleep", with_={"seconds": 60}))
    with working():
        wait_until(lambda: states(run)["a"] == "running", SECONDS)
        asked = time.monotonic()
        cancel_run(run, by=world.actor("bob"))
        wait_until(lambda: ended(run), 10)
        assert time.monotonic() - asked < 2.5
    assert run.state == "cancelled"


def test_processes_for_computing_do_not_take_each_other_s_work(world):
    """Each child of the pool is a worker of its own; one that starts voids only what died."""
    function_tool(world, "compute", "test-compute")
    runs = [start(world, step("a", "tool:compute", with_={"n": 1000})) for _ in range(6)]
    with working("cpu", "--cpu", "--concurrency", "2"):
        for run in runs:
            wait_until(lambda run=run: ended(run), SECONDS)
        assert len({name.partition("/")[0] for name in StepRun.objects.values_list("worker", flat=True)}) <= 2
    assert {run.state for run in runs} == {"succeeded"}
    assert set(StepRun.objects.values_list("losses", flat=True)) == {0}


def test_a_worker_that_is_killed_and_started_again_goes_on_at_once(world):
    """It knows its own name, so nobody waits for the lease to end."""
    function_tool(world, "sleep", "test-sleep", idempotent=True)
    run = start(world, step("a", "tool:sleep", with_={"seconds": 1.5}))
    with process("worker", SPARKOPS_WORKER_NAME="w1", ENGINE_LEASE_SECONDS="600"):
        wait_until(lambda: states(run)["a"] == "running", SECONDS)
    with working("w1"):
        wait_until(lambda: ended(run), 10)
    assert (run.state, run.steps.get().attempt_no, run.steps.get().losses) == ("succeeded", 2, 1)
    assert drain(run).state == "succeeded"


def test_each_process_for_computing_is_a_worker_of_its_own(world):
    """Nothing that the parent opened before it forked is used after it."""
    with working("cpu", "--cpu", "--concurrency", "4"):
        wait_until(lambda: Worker.objects.count() == 4, SECONDS)
        assert sum(Worker.objects.values_list("slots", flat=True)) == 4
        function_tool(world, "compute", "test-compute")
        runs = [start(world, step("a", "tool:compute", with_={"n": 1000})) for _ in range(8)]
        for run in runs:
            wait_until(lambda run=run: ended(run), SECONDS)
    assert {run.state for run in runs} == {"succeeded"}


def test_a_second_worker_of_the_same_name_gives_way_and_says_why(world):
    """The first one's step goes on: it is neither sent to review nor done twice."""
    function_tool(world, "sleep", "test-sleep", idempotent=False)
    with working("w1", ENGINE_HEARTBEAT_SECONDS="1"):
        run = start(world, step("a", "tool:sleep", with_={"seconds": 8}))
        wait_until(lambda: states(run)["a"] == "running", SECONDS)
        second = subprocess.run(
            [sys.executable, "manage.py", "worker"], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=90,
            env={**os.environ, "DATABASE_URL": database_url(), "SPARKOPS_WORKER_NAME": "w1"},
        )  # fmt: skip
        assert second.returncode == 1
        assert "Another worker named w1 is running" in second.stderr
        wait_until(lambda: ended(run), SECONDS)
    assert (run.state, run.steps.get().attempt_no, run.steps.get().losses) == ("succeeded", 1, 0)


def test_one_name_serves_both_kinds_of_workers(world):
    with working("both"), process("worker", "--cpu", "--concurrency", "1", SPARKOPS_WORKER_NAME="both"):
        wait_until(lambda: Worker.objects.filter(name__startswith="both-cpu#").exists(), SECONDS)
        assert Worker.objects.filter(name="both").exists()


def test_a_full_broker_delays_work_by_seconds_and_stops_nothing(world):
    function_tool(world, "compute", "test-compute")
    broker = Redis.from_url(settings.REDIS_URL)
    with working():
        broker.config_set("maxmemory", 1)
        try:
            with pytest.raises(RedisError):
                broker.set("anything", 1)
            run = start(world, step("a", "tool:compute", with_={"n": 10}), step("b", needs="a"), step("c", needs="a"))
            wait_until(lambda: ended(run), SECONDS)
        finally:
            broker.config_set("maxmemory", 0)
        assert run.state == "succeeded"
        after = start(world, step("a", "tool:compute", with_={"n": 10}), name="after")
        wait_until(lambda: ended(after), SECONDS)


def test_workers_start_and_work_without_a_broker(world):
    function_tool(world, "compute", "test-compute")
    with working(REDIS_URL="redis://127.0.0.1:9/0"):
        run = start(world, step("a", "tool:compute", with_={"n": 10}))
        wait_until(lambda: ended(run), SECONDS)
    assert run.state == "succeeded"
