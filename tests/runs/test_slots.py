"""Limits: never more at once than a tool allows, nobody forgotten, counters that heal."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from agents.actions import update_tool
from agents.models import Slot
from controlplane.domain.failures import Failure
from runs.engine.calling import Bell
from runs.engine.finish import finish
from runs.engine.outcome import Outcome
from runs.engine.slots import give_back, recount
from runs.engine.work import work
from runs.executors import tool
from runs.models import Run, StepRun
from tests.agents.catalogue import make_instance, make_tool
from tests.runs.driving import drain, function_tool, lose_worker, start, states, step, take

pytestmark = pytest.mark.django_db(transaction=True)


class Crowd:
    """An executor that notices how many are in it. The first ones stay until it holds as many as are expected."""

    def __init__(self, expected: int) -> None:
        self.inside = self.most = self.calls = 0
        self.lock = threading.Lock()
        self.full = threading.Barrier(expected)

    def __call__(self, context) -> Outcome:
        with self.lock:
            self.inside += 1
            self.calls += 1
            self.most = max(self.most, self.inside)
            is_of_the_first = self.calls <= self.full.parties
        if is_of_the_first:
            self.full.wait(60)
        context.token.wait(0.02)
        with self.lock:
            self.inside -= 1
        return Outcome("succeeded")


def test_twenty_threads_never_exceed_the_limit(world, monkeypatch):
    crowd = Crowd(expected=3)
    monkeypatch.setattr(tool, "execute", crowd)
    function_tool(world, "echo", "test-echo", max_concurrent=3)
    runs = [start(world, step("each", "tool:echo", foreach=list(range(10)), max_parallel=10)) for _ in range(4)]

    def worker(_) -> None:
        while Run.objects.live().exists():
            for pk in StepRun.objects.filter(state="queued").order_by("?").values_list("pk", flat=True)[:5]:
                work(pk)
        connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(worker, range(20)))
    assert set(Run.objects.values_list("state", flat=True)) == {"succeeded"}
    assert (crowd.most, crowd.calls) == (3, 40)
    assert Slot.objects.get().in_use == 0
    assert recount() == []
    assert len(runs) == 4


def test_who_finds_no_place_stays_queued_and_is_next(world):
    function_tool(world, "echo", "test-echo", max_concurrent=1)
    first, second = (start(world, step("a", "tool:echo")) for _ in range(2))
    claimed = take(first, "a")
    work(second.steps.get().pk)
    assert (states(second)["a"], second.steps.get().attempt_no) == ("queued", 0)
    finish(claimed, Outcome("succeeded"))
    assert drain(second).state == "succeeded"


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "retrying", "lost"])
def test_every_end_gives_the_place_back(world, end):
    function_tool(world, "echo", "test-echo", max_concurrent=2)
    retry = {"max_attempts": 2} if end == "retrying" else {}
    run = start(world, step("a", "tool:echo", **({"retry": retry} if retry else {})))
    claimed = take(run, "a")
    assert Slot.objects.get().in_use == 1
    if end == "lost":
        lose_worker(run, "a")
    else:
        outcome = "failed" if end == "retrying" else end
        finish(claimed, Outcome(outcome, failure=Failure("no", retryable=end == "retrying")))
    assert Slot.objects.get().in_use == 0


def test_a_step_that_tries_again_is_next_in_line_once_it_is_due(world):
    function_tool(world, "echo", "test-echo", max_concurrent=1)
    first, again = (start(world, step("a", "tool:echo", retry={"max_attempts": 2})) for _ in range(2))
    finish(take(again, "a"), Outcome("failed", failure=Failure("no")))
    claimed = take(first, "a")
    again.steps.update(due_at=Now() + timedelta(seconds=60), rung_at=None)
    assert give_back(claimed.slot_key) is None
    again.steps.update(due_at=Now())
    assert give_back(claimed.slot_key) == Bell(again.steps.get().pk, again.pk, "default")
    finish(claimed, Outcome("succeeded"))
    drain(again)


def test_a_wrong_counter_heals(world):
    function_tool(world, "echo", "test-echo", max_concurrent=2)
    run = start(world, step("a", "tool:echo"))
    take(run, "a")
    Slot.objects.update(in_use=2)
    assert recount() == [Slot.objects.get().key]
    assert Slot.objects.get().in_use == 1
    assert recount() == []
    lose_worker(run, "a")


def test_a_limit_that_is_removed_holds_nobody_back(world):
    tool = function_tool(world, "echo", "test-echo", max_concurrent=1)
    runs = [start(world, step("a", "tool:echo")) for _ in range(2)]
    claimed = take(runs[0], "a")
    update_tool(tool, max_concurrent=None, by=world.actor("erin"))
    assert drain(runs[1]).state == "succeeded"
    finish(claimed, Outcome("succeeded"))


def test_sql_tools_without_a_limit_of_their_own_keep_to_that_of_their_instance(world, tmp_path):
    instance = make_instance(world, tmp_path, max_concurrent=1)
    asks = {"kind": "sql", "config": {"instance": instance.name, "sql": "SELECT 1"}}
    make_tool(world, "free", **asks)
    limited = make_tool(world, "limited", **asks, max_concurrent=5)
    query = step("query", "query", with_={"instance": instance.name, "sql": "SELECT 1"})
    run = start(world, step("free", "tool:free"), step("limited", "tool:limited"), query)
    keys = dict(run.steps.values_list("key", "slot_key"))
    shared = f"instance:{instance.pk}"
    assert keys == {"free": shared, "limited": f"tool:{limited.pk}", "query": shared}
    claimed = take(run, "free")
    work(run.steps.get(key="query").pk)
    assert states(run)["query"] == "queued"
    finish(claimed, Outcome("succeeded"))
    assert drain(run).state == "succeeded"
