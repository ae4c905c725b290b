"""Steps that wait while everything around them dies: R-22."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Any

from django.db import connection

from runs.models import Run, StepRun
from tests.faults.cast import BODY, Cast
from tests.faults.report import Report
from tests.faults.stage import Process, Stage
from tests.world import make_workflow
from workflows.models import Workflow

# A script that gets no answer sends the same signal again, with the same key.
PATIENCE_SECONDS = 60


class Sender:
    """Sends a signal to every step that waits for one, again and again until it is answered, as webhooks do."""

    def __init__(self, stage: Stage, address: str) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {stage.cast.token}", "Content-Type": "application/json"}
        self.accepted: set[int] = set()
        self.statuses: list[int] = []
        self.broken = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.send_for_ever, daemon=True) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def send_for_ever(self) -> None:
        while not self.stopping.wait(0.05):
            waiting = list(StepRun.objects.filter(waits_for="signal").values("pk", "run_id")[:20])
            connection.close()
            if waiting:
                one = random.choice(waiting)
                self.send(one["run_id"], one["pk"])

    def send(self, run: int, step: int) -> None:
        body = json.dumps({"output": {"step": step}})
        try:
            wire = http.client.HTTPConnection(self.address, timeout=20)
            key = {"Idempotency-Key": f"signal-{step}"}
            wire.request("POST", f"/api/v1/runs/{run}/steps/{step}/signal", body, {**self.headers, **key})
            answer = wire.getresponse()
            answer.read()
            wire.close()
        except (OSError, http.client.HTTPException):
            self.broken += 1
            return
        self.statuses.append(answer.status)
        if answer.status == 200:
            self.accepted.add(step)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=30)


def signals_amid_kills(stage: Stage, report: Report, *, short: bool) -> None:
    """R-22: a step that waits outlives every process; each signal that was accepted counts, and counts once."""
    cast, runs, kills = stage.cast, 8 if short else 60, 4 if short else 24
    workflow = waiting_workflow(cast)
    web, address = stage.web()
    processes = {"web": web, "sweeper": stage.sweeper(), "w1": stage.worker("w1"), "w2": stage.worker("w2")}
    stage.wait_for_workers("w1", "w2")
    sender = Sender(stage, address)
    for number in range(max(runs, kills)):
        if number < runs:
            cast.start(workflow, delay=0.05)
        time.sleep(random.uniform(0.05, 0.4))
        if number < kills:
            kill_one(stage, processes, sender)
    took = cast.settle(workflow, PATIENCE_SECONDS)
    sender.stop()
    report.measure(runs=runs, kills=kills, signals=len(sender.accepted), broken_connections=sender.broken,
                   refused=sum(status == 409 for status in sender.statuses), seconds_to_all_settled=took,
                   ends=cast.states(workflow))  # fmt: skip
    tell_of_signals(workflow, sender, report)
    report.check("every run succeeds", set(cast.states(workflow)) == {"succeeded"})


def waiting_workflow(cast: Cast) -> Workflow:
    """A call, a wait for a signal, one an item, one in a child run, a timer; the end reads what was sent."""
    child = {"steps": [{"key": "gate", "uses": "signal"}], "outputs": {"said": "${{ steps.gate.output.step }}"}}
    make_workflow(cast.project, "signalled-child", child)
    return cast.workflow(
        "signalled",
        {"key": "safe", "uses": "tool:safe", "with": {**BODY, "step": "safe"}},
        {"key": "gate", "uses": "signal", "needs": ["safe"]},
        {"key": "each", "uses": "signal", "needs": ["safe"], "foreach": [1, 2, 3], "max_parallel": 2},
        {"key": "call", "uses": "workflow:signalled-child", "needs": ["gate"]},
        {"key": "rest", "uses": "wait", "needs": ["gate"], "with": {"seconds": 0.2}},
        {"key": "end", "uses": "transform", "needs": ["each", "call", "rest"], "with": {
            "gate": "${{ steps.gate.output.step }}", "each": "${{ steps.each.output.map(one, one.step) }}",
            "child": "${{ steps.call.output.said }}"}},
    )  # fmt: skip


def kill_one(stage: Stage, processes: dict[str, Process], sender: Sender) -> None:
    name = random.choice(list(processes))
    processes[name].kill()
    if name == "web":
        processes[name], sender.address = stage.web()
    else:
        processes[name] = stage.sweeper() if name == "sweeper" else stage.worker(name)


def tell_of_signals(workflow: Workflow, sender: Sender, report: Report) -> None:
    tree = Run.objects.filter(workflow=workflow) | Run.objects.filter(parent_step__run__workflow=workflow)
    steps = StepRun.objects.filter(run__in=tree.values("pk"), uses="signal").exclude(key="each", index=None)
    gave = {step.pk: step.output for step in steps}
    report.check("each step has what was sent to it", gave == {pk: {"step": pk} for pk in gave})
    report.check("whatever was accepted is there", sender.accepted <= set(gave))
    report.check("each signal is told once", told_once(list(gave)))
    ends: list[dict[str, Any]] = list(
        StepRun.objects.filter(run__workflow=workflow, key="end").values_list("output", flat=True)
    )
    used = [pk for end in ends for pk in (end["gate"], end["child"], *end["each"])]
    report.check("what later steps read is what was sent", sorted(used) == sorted(gave))


def told_once(steps: list[int]) -> bool:
    with connection.cursor() as sql:
        sql.execute(
            "SELECT (data ->> 'id')::bigint FROM events_event WHERE type = 'step.signalled' ORDER BY 1",
        )
        return [pk for (pk,) in sql.fetchall()] == sorted(steps)
