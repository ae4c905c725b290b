"""PostgreSQL restarts under load: R-06."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter

from django.db import connection

from runs.models import Run
from tests.faults.cast import called_after_success, repeated
from tests.faults.report import Report
from tests.faults.stage import Stage, wait_until
from workflows.models import Workflow

CALLS_A_SECOND = 20


class Script:
    """Starts runs over the API at a steady rate, each with its key, and writes down every answer."""

    def __init__(self, address: str, token: str, workflow: Workflow) -> None:
        self.address, self.workflow = address, workflow
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.answers: list[tuple[float, int, bool]] = []
        self.made: dict[str, int] = {}
        self.broken: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, number: int) -> None:
        counter = 0
        while not self.stopping.wait(4 / CALLS_A_SECOND):
            counter += 1
            key = f"{number}-{counter}"
            # A client tries again with the same key until it has its answer.
            while not self.ask(key) and not self.stopping.wait(0.3):
                continue

    def ask(self, key: str) -> bool:
        body = json.dumps({"workflow": self.workflow.pk, "inputs": {"delay": 0.02}})
        began = time.monotonic()
        try:
            wire = http.client.HTTPConnection(self.address, timeout=20)
            wire.request("POST", "/api/v1/runs", body, {**self.headers, "Idempotency-Key": key})
            answer = wire.getresponse()
            content = json.loads(answer.read() or b"{}")
            wire.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.broken.append(repr(error))
            return False
        self.answers.append((began, answer.status, "retry-after" in {name.lower() for name in answer.headers}))
        if answer.status == 201:
            self.made[key] = content["id"]
        return answer.status == 201

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=30)


def restarting_database(stage: Stage, report: Report, *, short: bool) -> None:
    """R-06: PostgreSQL restarts under load; nothing acknowledged is lost and nobody has to be restarted."""
    cast, restarts = stage.cast, 1 if short else 5
    workflow = cast.five_kinds("restarted")
    web, address = stage.web()
    processes = [web, stage.sweeper(), stage.worker("w1"), stage.worker("w2")]
    stage.wait_for_workers("w1", "w2")
    script, recoveries = Script(address, cast.token, workflow), []
    time.sleep(2)
    for number in range(restarts):
        stage.restart_postgres(down_seconds=number * 0.5)
        recoveries.append(seconds_to_next_success(script))
        time.sleep(1.5)
    script.stop()
    connection.close()
    took = wait_until_settled(cast, workflow)
    statuses = Counter(status for _, status, _ in script.answers)
    calls = cast.calls(workflow)
    report.measure(restarts=restarts, answers=dict(statuses), broken_connections=len(script.broken),
                   acknowledged_runs=len(script.made), slowest_recovery_s=max(recoveries),
                   seconds_to_all_settled=took, asked_about=cast.approve_all(workflow),
                   idempotent_calls_repeated=len(repeated(calls, "/safe")))  # fmt: skip
    cast.settle(workflow, 60)
    report.measure(ends=cast.states(workflow))
    there = set(Run.objects.filter(workflow=workflow).values_list("pk", flat=True))
    report.check("every acknowledged run exists", set(script.made.values()) <= there)
    report.check("no key made two runs", len(set(script.made.values())) == len(script.made))
    report.check(
        "answers are 201, or 503 with Retry-After",
        set(statuses) <= {201, 503} and all(said for _, status, said in script.answers if status == 503),
    )
    report.check(f"no connection broke: {script.broken[:1]}", not script.broken)
    report.check("what must not be repeated is not", not repeated(calls, "/once"))
    report.check("nothing is called after it was recorded", not called_after_success(calls))
    report.check("it answers again within 5 s", short or max(recoveries) <= 5)
    report.check("every run succeeds in the end", set(cast.states(workflow)) == {"succeeded"})
    report.check("no process ended", all(process.alive for process in processes))


def seconds_to_next_success(script: Script) -> float:
    began = time.monotonic()
    wait_until(lambda: any(at > began and status == 201 for at, status, _ in list(script.answers)), 30, "an answer")
    return time.monotonic() - began


def wait_until_settled(cast, workflow: Workflow) -> float:
    return cast.settle(workflow, 60)
