"""What the engine asks by the ORM says of which run it is as well, and bells carry the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import current_app
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs.actions import cancel_run, pause_run, resume_run
from runs.engine.children import follow_attention, settle_child
from runs.engine.control import follow_pause, stop_child
from runs.engine.work import work
from runs.models import Run, StepRun
from tests.architecture.test_run_ids import CHILDREN, unbound
from tests.runs.driving import drain, start, step
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def every_query_says_its_run() -> Iterator[None]:
    with CaptureQueriesContext(connection) as made:
        yield
    asked = [query["sql"] for query in made if any(table in query["sql"] for table in CHILDREN)]
    assert asked, "nothing was asked"
    assert [sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "INSERT", "DELETE")) and unbound(sql)] == []


def test_bells_between_a_run_and_the_run_that_started_it(world):
    make_workflow(world.acme, "child", {"steps": [step("a"), step("b", needs="a")]})
    run = start(world, step("call", "workflow:child"), step("after", needs="call"))
    call = run.steps.get(key="call")
    with every_query_says_its_run():
        work(call.pk, run.pk)
        follow_pause(call.pk, run.pk)
        follow_attention(call.pk, run.pk)
    child = Run.objects.get(parent_run=run, parent_step=call)
    for pk in child.steps.values_list("pk", flat=True):
        work(pk, child.pk)
    with every_query_says_its_run():
        settle_child(call.pk, run.pk)
    call.refresh_from_db()
    assert call.state == "succeeded"
    drain(run)


def test_bells_from_a_run_that_stops(world):
    make_workflow(world.acme, "child", {"steps": [step("a")]})
    run = start(world, step("call", "workflow:child"))
    call = run.steps.get()
    work(call.pk, run.pk)
    with every_query_says_its_run():
        cancel_run(run, by=world.actor("bob"))
        stop_child(call.pk, run.pk)
        settle_child(call.pk, run.pk)
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_bell_of_another_run_moves_nothing(world):
    run, other = start(world, step("a")), start(world, step("a"))
    work(run.steps.get().pk, other.pk)
    assert set(StepRun.objects.values_list("state", "attempt_no")) == {("queued", 0)}
    drain(run)


def test_every_bell_carries_a_step_and_its_run(world, monkeypatch):
    """Those of a start, of a next step, of a child's end, of a pause, of a stop and of the sweep.

    Steps that are done in a moment have none of their own: their queue is called for.
    """
    rung = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args=(), **_: rung.append((name, args)))
    make_workflow(world.acme, "child", {"steps": [step("a"), step("b", needs="a"), step("c", needs="a")]})
    run = start(world, step("call", "workflow:child"), step("left", needs="call"), step("right", needs="call"))
    work(run.steps.get(key="call").pk)
    pause_run(run, by=world.actor("bob"))
    resume_run(run, by=world.actor("bob"))
    drain(run)
    stopped = start(world, step("call", "workflow:child"))
    work(stopped.steps.get(key="call").pk)
    cancel_run(stopped, by=world.actor("bob"))
    drain(stopped)
    of_runs = [(name, args) for name, args in rung if name.startswith("runs.tasks.")]
    runs = dict(StepRun.objects.values_list("pk", "run_id"))
    names = {"execute_step", "take_due", "settle_child", "stop_child", "follow_pause"}
    assert {name.rpartition(".")[2] for name, _ in of_runs} == names
    of_steps = [args for name, args in of_runs if name != "runs.tasks.take_due"]
    assert [args for args in of_steps if args != (args[0], runs[args[0]])] == []
