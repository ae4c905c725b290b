"""A waiting step says what it waits for, and only that ends it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from controlplane.domain.errors import ActionRefused
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, resolve_step
from runs.engine.locked import locked_run
from runs.engine.waiting import Ending, settle_waiting
from runs.models import Run, StepRun, WaitsFor
from tests.runs.driving import drain, event_types, function_tool, lose_worker, start, states, step, take
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
FILL_IN = import_module("runs.migrations.0018_fill_in_what_steps_wait_for").FILL_IN


def waits(run: Run) -> dict[str, str]:
    """Step key -> what it waits for, of those that wait; items left out."""
    rows = run.steps.filter(index=None).exclude(waits_for="")
    return dict(rows.values_list("key", "waits_for"))


def everything(world) -> Run:
    """A run with one step of each kind of wait, none of which ends by itself soon."""
    make_workflow(world.acme, "child", {"steps": [step("only", "wait", with_={"seconds": 600})]})
    run = start(
        world,
        step("timer", "wait", with_={"seconds": 600}),
        step("call", "workflow:child"),
        step("each", "wait", foreach=[1, 2], with_={"seconds": 600}),
    )
    return drain(run, hurry=False)


def test_each_kind_of_wait_says_what_it_is(world):
    run = everything(world)
    assert waits(run) == {"timer": "time", "call": "child", "each": "items"}
    cancel_run(run, by=world.actor("bob"))
    assert drain(run).state == "cancelled"
    assert waits(run) == {}


def test_a_step_with_unknown_outcome_waits_for_a_review(world):
    function_tool(world, "risky", "test-echo")
    run = start(world, step("a", "tool:risky"))
    take(run, "a")
    run.steps.update(sent_at=Now())
    lose_worker(run, "a")
    assert (states(run), waits(run)) == ({"a": "needs_review"}, {"a": "review"})
    resolve_step(run.steps.get(), outcome="run_again", by=world.actor("bob"))
    assert waits(run) == {}
    assert drain(run).state == "succeeded"


def test_only_what_it_waits_for_ends_it(world):
    run = everything(world)
    for key, wrong in {"timer": WaitsFor.CHILD, "call": WaitsFor.TIME, "each": WaitsFor.SIGNAL}.items():
        with locked_run(run.pk) as locked:
            assert settle_waiting(locked, run.steps.get(key=key, index=None).pk, wrong, Ending("succeeded")) is None
    with pytest.raises(ActionRefused, match="does not wait for a review"):
        resolve_step(run.steps.get(key="timer"), outcome="succeeded", by=world.actor("bob"))
    assert waits(run) == {"timer": "time", "call": "child", "each": "items"}
    assert event_types(run).count("step.succeeded") == 0
    cancel_run(run, by=world.actor("bob"))
    drain(run)


def test_a_wait_of_another_run_is_not_ended(world):
    mine, theirs = everything(world), start(world, step("a", "wait", with_={"seconds": 600}), name="other")
    drain(theirs, hurry=False)
    with locked_run(mine.pk) as locked:
        assert settle_waiting(locked, theirs.steps.get().pk, WaitsFor.TIME, Ending("succeeded")) is None
    for run in (mine, theirs):
        cancel_run(run, by=world.actor("bob"))
        drain(run, hurry=False)


def test_the_timer_ends_nothing_but_timers(world):
    """What keeps a moment of its own, an approval that expires for instance, is not a timer that came."""
    run = start(world, step("gate", "wait", with_={"seconds": 600}), step("after", needs="gate"))
    drain(run, hurry=False)
    run.steps.filter(key="gate").update(waits_for="approval", due_at="2020-01-01T00:00Z")
    sweep()
    assert states(run) == {"gate": "waiting", "after": "pending"}
    run.steps.filter(key="gate").update(waits_for="time")
    assert drain(run).state == "succeeded"


@pytest.mark.parametrize(
    ("state", "waits_for"),
    [("waiting", ""), ("waiting", "review"), ("needs_review", ""), ("succeeded", "time"), ("waiting", "luck")],
)
def test_the_database_refuses_a_wait_for_nothing_and_a_word_without_a_wait(world, state, waits_for):
    run = start(world, step("a", "wait", with_={"seconds": 600}))
    with pytest.raises(IntegrityError, match="step_says_what_it_waits_for"), transaction.atomic():
        run.steps.update(state=state, waits_for=waits_for)
    cancel_run(run, by=world.actor("bob"))


def test_steps_of_before_are_filled_in(world):
    """As an older version left them: nothing said, everything inferred."""
    run = everything(world)
    asked = start(world, step("a"))
    wanted = dict(StepRun.objects.values_list("pk", "waits_for")) | {asked.steps.get().pk: "review"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE runs_steprun DROP CONSTRAINT step_says_what_it_waits_for")
        StepRun.objects.update(waits_for="")
        asked.steps.update(state="needs_review")
        cursor.execute(FILL_IN)
        assert dict(StepRun.objects.values_list("pk", "waits_for")) == wanted
        transaction.set_rollback(True)
    for one in (run, asked):
        cancel_run(one, by=world.actor("bob"))
    drain(run)
