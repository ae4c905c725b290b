"""Runs that are cancelled at any moment: R-14."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time

from django.db import connection

from runs.models import RUN_FINAL, Run
from tests.faults.cast import BODY, repeated
from tests.faults.report import Report
from tests.faults.stage import Stage

GRACE_SECONDS = 1.0


def random_cancels(stage: Stage, report: Report, *, short: bool) -> None:
    """R-14: after a cancel was accepted nothing leaves any more, and each run has one end."""
    cast, runs = stage.cast, 12 if short else 150
    call = {"uses": "tool:once", "with": {**BODY, "step": "s"}}
    workflow = cast.workflow(
        "cancelled",
        *({"key": f"s{n}", **call, **({"needs": [f"s{n - 1}"]} if n else {})} for n in range(5)),
    )
    _, address = stage.web()
    stage.sweeper()
    stage.worker("w1", threads=12)
    stage.worker("w2", threads=12)
    stage.wait_for_workers("w1", "w2")
    accepted: dict[int, float] = {}
    refused: list[int] = []

    def one(number: int) -> None:
        run = cast.start(workflow, delay=0.15)
        connection.close()
        time.sleep(random.uniform(0, 1.5))
        status = cancel(address, cast.token, run.pk)
        if status in {200, 202}:
            accepted[run.pk] = time.time()
        else:
            refused.append(status)

    for start in range(0, runs, 10):
        threads = [threading.Thread(target=one, args=(number,)) for number in range(start, min(start + 10, runs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = cast.settle(workflow, 30)
    time.sleep(GRACE_SECONDS)
    calls = cast.calls(workflow)
    lateness = [entry.at - accepted[entry.body["run"]] for entry in calls if entry.body["run"] in accepted]
    report.measure(runs=runs, accepted=len(accepted), came_too_late=len(refused), ends=cast.states(workflow),
                   seconds_to_all_settled=took,
                   calls=len(calls), latest_call_after_acceptance_s=max(lateness, default=0.0))  # fmt: skip
    report.check("nothing leaves later than 1 s after the acceptance", max(lateness, default=0) <= GRACE_SECONDS)
    report.check(
        "an accepted cancel ends as cancelled",
        set(Run.objects.filter(pk__in=accepted).values_list("state", flat=True)) == {"cancelled"},
    )
    report.check("a refused one says that the run has ended", set(refused) <= {409})
    report.check("each run has one end", sum(cast.events(workflow, f"run.{state}") for state in RUN_FINAL) == runs)
    report.check("nothing is called twice", not repeated(calls, "/once"))
    report.check("all have ended within 5 s", short or took <= 5)


def cancel(address: str, token: str, pk: int) -> int:
    wire = http.client.HTTPConnection(address, timeout=20)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    wire.request("POST", f"/api/v1/runs/{pk}/cancel", json.dumps({"reason": "by chance"}), headers)
    answer = wire.getresponse()
    answer.read()
    wire.close()
    return answer.status
