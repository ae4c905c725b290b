"""Calls a minute: never more, whoever calls; what has to wait waits and does not fail."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from agents.actions import create_agent, update_tool
from agents.calls.limits import take_turn, use_of
from agents.models import Slot
from runs.engine.outcome import Outcome
from runs.engine.work import work
from runs.executors import tool
from runs.models import Call, Run, StepRun
from tests.agents.model_server import calls_tools, model_server, says_text
from tests.runs.driving import drain, due_steps, function_tool, start, states, step

pytestmark = pytest.mark.django_db(transaction=True)
PER_SECOND, BURST = 10, 2


def limited(world, **limits):
    given = {"calls_per_minute": PER_SECOND * 60, "burst": BURST, **limits}
    return function_tool(world, "echo", "test-echo", **given)


def test_ten_threads_never_exceed_the_rate(world, monkeypatch):
    moments, lock = [], threading.Lock()

    def executor(context) -> Outcome:
        with lock:
            moments.append(time.monotonic())
        return Outcome("succeeded")

    monkeypatch.setattr(tool, "execute", executor)
    limited(world)
    began = time.monotonic()
    runs = [start(world, step("each", "tool:echo", foreach=list(range(5)), max_parallel=5)) for _ in range(3)]

    def worker(_) -> None:
        while Run.objects.live().exists():
            for pk in due_steps()[:5]:
                work(pk)
            time.sleep(0.01)
        connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(worker, range(10)))
    assert {Run.objects.get(pk=run.pk).state for run in runs} == {"succeeded"}
    assert len(moments) == 15
    # At any moment no more calls had begun than the bucket had given out.
    moments.sort()
    for number, moment in enumerate(moments, start=1):
        assert number <= BURST + PER_SECOND * (moment - began)


def test_a_step_beyond_the_rate_waits_and_does_not_fail(world):
    limited(world, calls_per_minute=1, burst=1)
    first, second = (start(world, step("ask", "tool:echo")) for _ in range(2))
    for run in (first, second):
        work(run.steps.get().pk)
    assert states(first) == {"ask": "succeeded"}
    waiting = second.steps.get()
    assert (waiting.state, waiting.attempt_no, waiting.attempts.count()) == ("queued", 0, 0)
    assert 50 < (waiting.due_at - timezone.now()).total_seconds() <= 60
    assert Slot.objects.get().in_use == 0
    StepRun.objects.update(due_at=timezone.now())
    Slot.objects.update(tokens=1)
    work(waiting.pk)
    assert states(second) == {"ask": "succeeded"}


def test_steps_beyond_the_rate_come_one_after_the_other(world):
    limited(world, calls_per_minute=4, burst=1)
    run = start(world, step("each", "tool:echo", foreach=list(range(7)), max_parallel=7))
    items = list(run.steps.filter(index__isnull=False).order_by("queued_at", "id"))
    began = timezone.now()
    for item in items:
        work(item.pk)
    waits = [(one.due_at - began).total_seconds() for one in StepRun.objects.filter(state="queued").order_by("due_at")]
    assert waits == pytest.approx([15, 30, 45, 60, 60, 60], abs=5)
    assert max(waits) <= 60 + (timezone.now() - began).total_seconds()


def test_both_limits_hold_together(world):
    tool = limited(world, max_concurrent=1, calls_per_minute=60, burst=5)
    assert Slot.objects.get().capacity == 1
    drain(start(world, step("ask", "tool:echo")))
    use = use_of(f"tool:{tool.pk}")
    assert (use.in_use, use.capacity, use.per_minute, use.burst) == (0, 1, 60, 5)
    assert 4 <= use.available < 5


def test_the_limit_can_be_changed_and_taken_away(world):
    tool = limited(world, calls_per_minute=60, burst=3)
    for _ in range(3):
        assert take_turn(f"tool:{tool.pk}") is None
    tool = update_tool(tool, calls_per_minute=120, by=world.actor("erin"))
    assert 0 < take_turn(f"tool:{tool.pk}") <= 0.5
    update_tool(tool, calls_per_minute=None, by=world.actor("erin"))
    assert not Slot.objects.exists()
    assert take_turn(f"tool:{tool.pk}") is None


def test_what_a_model_calls_waits_for_its_turn_too(world, settings):
    tool = limited(world, calls_per_minute=120, burst=1, idempotent=True)
    with model_server(calls_tools(("echo", {"a": 1})), calls_tools(("echo", {"a": 2})), says_text("done")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        config = {"base_url": f"{model.url}/v1", "model": "scripted", "tools": ["echo"]}
        create_agent(world.acme, name="worker", kind="llm", config=config, by=world.actor("erin"))
        run = drain(start(world, step("ask", "agent:worker", with_={"prompt": "Go"})))
    assert run.state == "succeeded"
    first, second = Call.objects.filter(tool=tool).order_by("id")
    assert (first.outcome, second.outcome) == ("succeeded", "succeeded")
    assert second.duration_ms > 250


def test_a_model_is_told_when_there_is_no_turn_in_time(world, settings):
    tool = limited(world, calls_per_minute=1, burst=1, idempotent=True)
    take_turn(f"tool:{tool.pk}")
    with model_server(calls_tools(("echo", {})), says_text("done without")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        config = {"base_url": f"{model.url}/v1", "model": "scripted", "tools": ["echo"]}
        given = {"name": "worker", "kind": "llm", "timeout_seconds": 10}
        create_agent(world.acme, config=config, by=world.actor("erin"), **given)
        run = drain(start(world, step("ask", "agent:worker", with_={"prompt": "Go"})))
    assert run.state == "succeeded"
    assert Call.objects.get(tool=tool).outcome == "rate_limited"


def test_a_test_call_beyond_the_rate_is_refused(world):
    tool = limited(world, calls_per_minute=1, burst=1)
    api = world.api("bob")
    answers = [api.post(f"/api/v1/tools/{tool.pk}/test", {"input": {}}, format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["retry_after"] > 50
    found = api.get(f"/api/v1/tools/{tool.pk}/limits").json()
    assert (found["calls_per_minute"], found["burst"], found["in_use"]) == (1, 1, 0)
    assert found["available"] < 0.5


def test_the_page_shows_the_current_use(world):
    tool = limited(world)
    client = world.client("vera")
    assert 'id="limits"' in client.get(f"/p/acme/tools/{tool.pk}/").content.decode()
    part = client.get(f"/p/acme/tools/{tool.pk}/limits", headers={"HX-Request": "true"}).content.decode()
    assert "Possible at once now" in part
