"""Celery alone, on the same broker: tasks that do nothing and store nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import redis
from celery import Celery

from tests.bench.portal import ROOT, wait_until

PREFIX = "yardstick:"
# Not the current application: that is the portal's, whose bells must not ring here.
app = Celery(
    "yardstick", set_as_current=False, broker=os.environ.get("REDIS_URL", "").replace("unix://", "redis+socket://")
)
app.conf.update(
    task_ignore_result=True, broker_transport_options={"global_keyprefix": PREFIX}, task_default_queue="yardstick"
)
counter = redis.Redis.from_url(os.environ["REDIS_URL"]) if os.environ.get("REDIS_URL") else None


@app.task(name="yardstick.nothing")
def nothing(number: int) -> None:
    counter.incr(f"{PREFIX}done")


def runs_a_second(count: int) -> float:
    """Tasks sent and done a second, with a prefork worker of two processes."""
    command = [sys.executable, "-m", "celery", "-A", "tests.bench.yardstick", "worker", "--concurrency=2",
               "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]  # fmt: skip
    worker = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        nothing.delay(0)
        wait_until(lambda: counter.get(f"{PREFIX}done") == b"1")
        started = time.perf_counter()
        for number in range(count):
            nothing.delay(number)
        wait_until(lambda: counter.get(f"{PREFIX}done") == str(count + 1).encode(), every=0.005)
        return count / (time.perf_counter() - started)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
