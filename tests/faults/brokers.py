"""A broker that forgets, goes away, repeats and shuffles: R-04, R-05."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import redis
from django.db import connection

from controlplane.celery import app
from runs.models import Run, StepRun
from tests.faults.cast import BODY, called_after_success, repeated
from tests.faults.report import Report
from tests.faults.stage import Stage, wait_until


def broker() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def forgetful_broker(stage: Stage, report: Report, *, short: bool) -> None:
    """R-04: the broker may lose everything, or be away, also before the workers start."""
    cast, runs, flushes, absences = stage.cast, 20 if short else 200, 3 if short else 10, 1 if short else 3
    workflow = cast.five_kinds("forgetful")
    stage.stop_valkey()
    processes = [stage.sweeper(), stage.worker("w1", threads=8), stage.worker("w2", threads=8)]
    first = cast.start(workflow, delay=0)
    looking = "Cannot connect"
    wait_until(lambda: all(looking in process.said() for process in processes[1:]), 60, "workers that look for it")
    stage.start_valkey()
    picked = wait_for_pick_up(first)
    report.measure(pick_up_after_a_late_broker_s=picked)
    started, slowest = 1, picked
    moments = ["flush"] * flushes + ["away"] * absences + ["hang"]
    random.shuffle(moments)
    for moment in moments:
        for _ in range(min(runs // len(moments) + 1, runs - started)):
            cast.start(workflow, delay=0.02)
            started += 1
        if moment == "flush":
            broker().flushall()
        else:
            slowest = max(slowest, (go_away if moment == "away" else hang)(stage, workflow, 2 if short else 5))
            started += 1
        time.sleep(random.uniform(0.2, 0.8))
    took = cast.settle(workflow, 60)
    calls = cast.calls(workflow)
    report.measure(runs=started, flushes=flushes, absences=absences, slowest_pick_up_after_return_s=slowest,
                   seconds_to_all_settled=took, ends=cast.states(workflow),
                   calls_repeated=len(repeated(calls, "/safe")) + len(repeated(calls, "/once")))  # fmt: skip
    report.check("every run succeeds", cast.states(workflow) == {"succeeded": started})
    report.check("nothing is done twice", not repeated(calls, "/safe") and not repeated(calls, "/once"))
    report.check("work goes on within 8 s of the return", short or slowest <= 8)
    report.check("no process ended", all(process.alive for process in processes))


def go_away(stage: Stage, workflow, seconds: float) -> float:
    """The broker is away for a while; seconds from its return to the next claim."""
    stage.stop_valkey()
    run = stage.cast.start(workflow, delay=0.02)
    time.sleep(seconds)
    stage.start_valkey()
    return wait_for_pick_up(run)


def hang(stage: Stage, workflow, seconds: float) -> float:
    """The broker takes connections but answers nobody for a while."""
    process = stage.valkey[0]
    process.send_signal(signal.SIGSTOP)
    thread = threading.Thread(target=start_apart, args=(stage, workflow))
    thread.start()
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)
    thread.join()
    return wait_for_pick_up(Run.objects.filter(workflow=workflow).latest("pk"))


def start_apart(stage: Stage, workflow) -> None:
    stage.cast.start(workflow, delay=0.02)
    connection.close()


def wait_for_pick_up(run: Run) -> float:
    began = time.monotonic()
    wait_until(lambda: Run.objects.filter(pk=run.pk, started_at__isnull=False).exists(), 40, "a run to be picked up")
    return time.monotonic() - began


def tripled_bells(stage: Stage, report: Report, *, short: bool) -> None:
    """R-05: bells that come three times, shuffled, late or for nothing do no harm."""
    cast, runs, unknown = stage.cast, 15 if short else 100, 100 if short else 1000
    workflow = cast.workflow(
        "tripled",
        {"key": "left", "uses": "tool:safe", "with": {**BODY, "step": "left"}},
        {"key": "right", "uses": "tool:once", "with": {**BODY, "step": "right"}},
    )
    for _ in range(runs):
        cast.start(workflow, delay=0.02)
    broker().flushall()
    steps = list(StepRun.objects.filter(run__workflow=workflow).values_list("pk", flat=True))
    finished = list(StepRun.objects.exclude(run__workflow=workflow).values_list("pk", flat=True)[:unknown])
    bells = [*steps * 2, *(max(steps) + 1 + n for n in range(unknown)), *finished]
    random.shuffle(bells)
    ring(bells)
    worker = stage.worker("w1", threads=16)
    stage.sweeper()
    took = cast.settle(workflow, 60)
    ring(random.sample(steps, len(steps)))
    wait_until(lambda: broker().llen("sparkops:default") == 0, 30, "the late bells to be heard")
    time.sleep(0.5)
    calls = cast.calls(workflow)
    report.measure(runs=runs, steps=len(steps), bells=len(bells) + len(steps), calls=len(calls), seconds=took)
    report.check("every step is called exactly once", len(calls) == len({entry.key for entry in calls}) == len(steps))
    report.check("nothing is called after it was recorded", not called_after_success(calls))
    report.check("every run succeeds", cast.states(workflow) == {"succeeded": runs})
    said = [line for line in worker.said().splitlines() if "ERROR" in line or "Traceback" in line]
    report.check(f"the worker does not complain: {said[:2]}", not said)


def ring(steps: list[int]) -> None:
    with app.connection_for_write() as connection:
        for pk in steps:
            app.send_task("runs.tasks.execute_step", args=(pk,), ignore_result=True, connection=connection)
