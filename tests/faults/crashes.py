"""Processes that die or freeze: R-01, R-02, R-03."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

from django.db.models.functions import Now

from runs.engine.sweep import MAX_LOSSES
from runs.models import StepRun, StepState, Worker
from tests.faults.cast import BODY, Cast, called_after_success, foreign_keys, repeated
from tests.faults.report import Report
from tests.faults.stage import Process, Stage, wait_until
from workflows.models import Workflow

# A loaded machine takes its time to start a worker; then there are fewer kills.
LONGEST_SECONDS = 150
POINTS = [
    "ack.before",
    "claim.after_commit",
    "tool.before_send",
    "tool.after_response",
    "record.before_commit",
    "event.before_commit",
    "record.after_commit",
    "bell.before_publish",
]


def killed_workers(stage: Stage, report: Report, *, short: bool) -> None:
    """R-01: a worker that is killed strands nothing and repeats nothing that must not be repeated."""
    cast, runs, kills = stage.cast, 20 if short else 200, 2 if short else 16
    workflow = cast.five_kinds("killed")
    stage.sweeper()
    workers = {name: stage.worker(name, threads=6) for name in ("w1", "w2")}
    dead: list[str] = []
    started = killed = in_flight = 0
    deadline = time.monotonic() + LONGEST_SECONDS
    while killed < kills or started < runs:
        if time.monotonic() > deadline:
            kills = killed
        unfinished, share = cast.unfinished(workflow), runs * (killed + 1) // max(kills, 1)
        if started < runs and (unfinished < 8 or (unfinished < 24 and started < share)):
            for _ in range(min(5, runs - started)):
                cast.start(workflow, delay=round(random.uniform(0.05, 0.4), 3))
                started += 1
        lives = dict(Worker.objects.exclude(boot__in=dead).values_list("name", "boot"))
        busy = [name for name, boot in lives.items() if killed < kills and in_hand(name, boot)]
        if not busy:
            time.sleep(0.05)
            if killed < kills and started == runs and cast.unfinished(workflow) == 0:
                break
            continue
        name = random.choice(busy)
        time.sleep(random.uniform(0, 1.2))
        in_flight += in_hand(name, lives[name])
        workers[name].kill()
        dead.append(lives[name])
        killed += 1
        workers[name] = stage.worker(name, threads=6)
    took = cast.settle(workflow, 60)
    calls, unknown = cast.calls(workflow), cast.needs_review(workflow)
    report.measure(
        runs=started, kills=killed, steps_in_flight_at_a_kill=in_flight, seconds_to_all_settled=took,
        taken_back=cast.events(workflow, "step.taken_back"), unknown_outcomes_asked_about=len(unknown),
        idempotent_calls_repeated=len(repeated(calls, "/safe")), others_repeated=len(repeated(calls, "/once")),
    )  # fmt: skip
    report.check("nothing is called again after it was recorded", not called_after_success(calls))
    report.check("what must not be repeated is not", not repeated(calls, "/once"))
    report.check("only such calls are asked about", {step.key for step in unknown} <= {"once"})
    report.check("every repetition carries the same key", not foreign_keys(calls))
    report.check("all settled within 15 s of the last kill", short or took <= 15)
    cast.approve_all(workflow)
    cast.settle(workflow, 60)
    ends = Counter(cast.states(workflow))
    failed = StepRun.objects.filter(run__workflow=workflow, state=StepState.FAILED)
    given_up = failed.filter(error__type="worker_lost", losses=MAX_LOSSES).count()
    report.measure(ends=dict(ends), given_up_after_three_kills=given_up)
    report.check(
        "every run succeeds, but for steps that were killed three times",
        ends == Counter(succeeded=runs - given_up, failed=given_up),
    )
    report.check("workers were killed with work in their hands", killed and in_flight)


def in_hand(name: str, boot: str) -> int:
    """How many steps this very life of the worker is working on."""
    return StepRun.objects.filter(state=StepState.RUNNING, worker=f"{name}/{boot}", lease_until__gt=Now()).count()


def every_point(stage: Stage, report: Report, *, short: bool) -> None:
    """R-02: a crash at any single point of the engine's code is survived."""
    cast, runs = stage.cast, 4 if short else 20
    stage.sweeper()
    heir = stage.worker("heir", threads=4)
    stage.wait_for_workers("heir")
    table = {}
    for point in random.sample(POINTS, 1) if short else POINTS:
        workflow = cast.workflow(
            point.replace(".", "-"),
            {"key": "safe", "uses": "tool:safe", "with": {**BODY, "step": "safe"}},
            {"key": "once", "uses": "tool:once", "needs": ["safe"], "with": {**BODY, "step": "once"}},
            {"key": "end", "uses": "transform", "needs": ["once"], "with": 1},
        )
        heir.send(signal.SIGSTOP)
        for _ in range(runs):
            cast.start(workflow, delay=0.01)
        crash_at(stage, point, random.randint(1, runs))
        heir.send(signal.SIGCONT)
        cast.settle(workflow, 40)
        table[point] = outcome_of(cast, workflow, report, point)
        cast.settle(workflow, 20)
    report.measure(points=len(table), runs=len(table) * runs)
    for point, row in table.items():
        report.measure(**{point: row})


def crash_at(stage: Stage, point: str, nth: int) -> None:
    """A worker that kills itself on its nth pass of the point, of which there is one a run at least."""
    doomed = stage.worker("doomed", threads=4, SPARKOPS_FAULT=f"{point}:{nth}:exit137")
    wait_until(lambda: not doomed.alive, 40, f"the crash at {point}:{nth}")
    doomed.kill()


def outcome_of(cast: Cast, workflow: Workflow, report: Report, point: str) -> dict[str, object]:
    calls, unknown = cast.calls(workflow), len(cast.needs_review(workflow))
    safe, once = repeated(calls, "/safe"), repeated(calls, "/once")
    row = {"repeated_safe": sum(safe.values()) - len(safe), "repeated_once": len(once), "asked": unknown}
    report.check(f"{point}: nothing that must not be repeated is", not once)
    report.check(f"{point}: others are repeated once at most", max(safe.values(), default=1) <= 2)
    report.check(f"{point}: nothing is called after it was recorded", not called_after_success(calls))
    cast.approve_all(workflow)
    return row


def frozen_workers(stage: Stage, report: Report, *, short: bool) -> None:
    """R-03: a worker that freezes past its lease and thaws cannot overwrite its successor."""
    cast, rounds, steps = stage.cast, 1 if short else 4, 8
    workflow = cast.workflow(
        "frozen",
        {"key": "safe", "uses": "tool:safe", "with": {**BODY, "step": "safe"}},
        {"key": "end", "uses": "transform", "needs": ["safe"], "with": "${{ steps.safe.output.at }}"},
    )
    risky = cast.workflow("frozen-once", {"key": "once", "uses": "tool:once", "with": {**BODY, "step": "once"}})
    stage.sweeper()
    pair = [stage.worker(name, threads=steps) for name in ("one", "two")]
    stage.wait_for_workers("one", "two")
    held: list[str] = []
    for _ in range(rounds):
        held += freeze_once(cast, workflow, risky, steps, *pair)
        pair.reverse()
    calls = [*cast.calls(workflow), *cast.calls(risky)]
    events = cast.events(workflow, "step.late_result") + cast.events(risky, "step.late_result")
    report.measure(rounds=rounds, frozen_steps=len(held), late_results_refused=events,
                   idempotent_calls_repeated=len(repeated(calls, "/safe")),
                   others_repeated=len(repeated(calls, "/once")), ends=cast.states(workflow),
                   asked_about=len(cast.needs_review(risky)))  # fmt: skip
    report.check("every late result is refused and told", events == len(held) > 0)
    report.check("what must not be repeated is not", not repeated(calls, "/once"))
    report.check("every run that may be repeated succeeds", set(cast.states(workflow)) == {"succeeded"})
    report.check("every other one waits for a person", len(cast.needs_review(risky)) == held.count("once"))
    outputs = Counter(step.output for step in StepRun.objects.filter(run__workflow=workflow, key="end"))
    answered = {entry.key: entry.at for entry in calls}
    report.check("what counts is what the successor got", set(outputs) <= set(answered.values()))
    cast.approve_all(risky)
    cast.settle(risky, 20)


def freeze_once(
    cast: Cast, workflow: Workflow, risky: Workflow, steps: int, frozen: Process, successor: Process
) -> list[str]:
    """One worker freezes with calls in flight, the other one does them, the first one thaws; which steps it held."""
    successor.send(signal.SIGSTOP)
    before = len(cast.calls(workflow)) + len(cast.calls(risky))
    for number in range(steps):
        cast.start(risky if number % 2 else workflow, delay=6)
    wait_until(lambda: len(cast.calls(workflow)) + len(cast.calls(risky)) >= before + steps, 30, "the calls in flight")
    frozen.send(signal.SIGSTOP)
    held = list(StepRun.objects.filter(state=StepState.RUNNING).values_list("key", flat=True))
    successor.send(signal.SIGCONT)
    cast.settle(workflow, 40)
    cast.settle(risky, 20)
    told = cast.events(workflow, "step.late_result") + cast.events(risky, "step.late_result")
    frozen.send(signal.SIGCONT)
    wait_until(
        lambda: cast.events(workflow, "step.late_result") + cast.events(risky, "step.late_result") >= told + len(held),
        30, "the late results",
    )  # fmt: skip
    return held
