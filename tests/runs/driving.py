"""Driving the engine inside of a test: the same functions that workers and sweepers call, without the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from agents.actions import create_tool
from agents.models import Tool
from controlplane.events.models import Event
from controlplane.portal.sweeping import sweep
from controlplane.projects.tenants.actors import SYSTEM
from runs.actions import send_signal, start_run
from runs.engine.children import settle_child
from runs.engine.claim import Claimed, claim
from runs.engine.invariants import INVARIANTS, violations
from runs.engine.work import work
from runs.models import Run, StepRun, StepState, WaitsFor
from runs.tasks import follow_pause, stop_child
from tests.runs import functions  # noqa: F401 - registers them
from tests.world import World, make_workflow

ME = "me@test/1"


def step(key: str, uses: str = "noop", **more: Any) -> dict[str, Any]:
    """One step of a document; `needs` may be given as text. `with_` stands for `with`."""
    needs = more.pop("needs", None)
    more = {name.rstrip("_"): value for name, value in more.items()}
    return {"key": key, "uses": uses, **({"needs": needs.split()} if needs else {}), **more}


def fails(key: str, **more: Any) -> dict[str, Any]:
    """A step that fails for good."""
    return step(key, "transform", with_="${{ params.absent }}", **more)


def start(world: World, *steps: dict, inputs: dict | None = None, name: str = "", **more: Any) -> Run:
    """A run of a new workflow of these steps; `params`, `outputs` and `timeout_seconds` go into the document."""
    document = {"steps": list(steps)}
    for part in ("params", "outputs", "timeout_seconds"):
        if part in more:
            document[part] = more.pop(part)
    name = name or f"flow-{Run.objects.count()}-{time.monotonic_ns()}"
    workflow = make_workflow(world.acme, name, document)
    return start_run(workflow, inputs=inputs or {}, by=world.actor(more.pop("by", "bob")), **more)


def function_tool(world: World, name: str, function: str, **more: Any) -> Tool:
    return create_tool(
        world.acme, name=name, kind="function", config={"function": function}, by=world.actor("erin"), **more
    )


def due_steps(run: Run | None = None) -> list[int]:
    """What a bell would be answered for now."""
    rows = StepRun.objects.filter(state__in=[StepState.QUEUED, StepState.RETRYING], held=False, due_at__lte=Now())
    return list((rows if run is None else rows.filter(run=run)).order_by("pk").values_list("pk", flat=True))


def drain(run: Run, *, hurry: bool = True, passes: int = 200) -> Run:
    """Do all work there is, of all runs, until nothing is due. With `hurry` timers and backoffs are over at once.

    What waits for a signal goes on waiting, its limit of time too.
    """
    for _ in range(passes):
        if hurry:
            sleeping = StepRun.objects.filter(Q(state=StepState.RETRYING) | Q(waits_for=WaitsFor.TIME))
            sleeping.filter(held=False).update(due_at=Now())
        before = Event.objects.count()
        settle_children()
        for pk in due_steps():
            work(pk)
        sweep()
        if Event.objects.count() == before:
            break
    run.refresh_from_db()
    return run


def settle_children() -> None:
    """What bells between a run and the run that started it do."""
    waiting = StepRun.objects.filter(waits_for=WaitsFor.CHILD)
    for pk in waiting.filter(run__stop_requested_at__isnull=False).values_list("pk", flat=True):
        stop_child(pk)
    for pk in list(waiting.values_list("pk", flat=True)):
        follow_pause(pk)
    for pk in list(waiting.filter(children__ended_at__isnull=False).values_list("pk", flat=True)):
        settle_child(pk)


def signal(run: Run, key: str, output: Any = None, index: int | None = None) -> StepRun:
    """As if somebody had sent what the step waits for."""
    return send_signal(run.steps.get(key=key, index=index), output=output, by=SYSTEM)


def take(run: Run, key: str, index: int | None = None, worker: str = ME) -> Claimed:
    """Claim a step as a worker does, without carrying it out."""
    claimed = claim(run.steps.get(key=key, index=index).pk, worker)
    assert claimed is not None
    return claimed


def lose_worker(run: Run, key: str) -> None:
    """As if the worker of this step had died a lease ago, and the sweep came by."""
    run.steps.filter(key=key, state=StepState.RUNNING).update(lease_until="2020-01-01T00:00Z")
    sweep()


def states(run: Run) -> dict[str, str]:
    """Step key -> state, items left out."""
    return dict(run.steps.filter(index__isnull=True).values_list("key", "state"))


def item_states(run: Run, key: str) -> list[str]:
    return list(run.steps.filter(key=key, index__isnull=False).order_by("index").values_list("state", flat=True))


def output(run: Run, key: str) -> Any:
    return run.steps.get(key=key, index=None).output


def error(run: Run, key: str) -> dict[str, Any]:
    return run.steps.get(key=key, index=None).error


def events(run: Run) -> list[Event]:
    return list(Event.objects.filter(subject_kind="run", subject_id=run.pk, seq__isnull=False).order_by("seq"))


def event_types(run: Run, *, without: str = "run.logs") -> list[str]:
    return [event.type for event in events(run) if event.type != without]


def broken_invariants() -> dict[str, list]:
    found = {invariant.name: violations(invariant) for invariant in INVARIANTS}
    return {name: rows for name, rows in found.items() if rows}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """All calls at the same instant, each on a thread of its own; what they returned or raised, in order."""
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            return call()
        except Exception as raised:
            return raised
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Ask again and again until `condition()` is true; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)
    return value


def refused(outcomes: Iterable[Any], kind: type[Exception]) -> list[Exception]:
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]
