"""Pause and resume: nothing new starts, what runs may end, and everything goes on afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.errors import ActionRefused
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, pause_run, resolve_step, resume_run
from runs.engine.claim import claim
from runs.engine.finish import finish
from runs.engine.locked import IllegalChange, locked_run
from runs.engine.outcome import Outcome
from runs.models import Run
from tests.runs.driving import ME, drain, due_steps, event_types, events, function_tool, start, states, step, take

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_that_has_not_started_pauses_at_once_and_starts_after_the_resume(world):
    run = start(world, step("a"))
    assert pause_run(run, by=world.actor("bob")).state == "paused"
    assert claim(run.steps.get().pk, ME) is None
    assert resume_run(run, by=world.actor("bob")).state == "queued"
    assert run.started_at is None
    assert drain(run).state == "succeeded"
    assert event_types(run) == [
        "run.created", "run.pause_requested", "run.paused", "run.resumed", "run.started", "step.started",
        "step.succeeded", "run.succeeded",
    ]  # fmt: skip


def test_what_runs_may_end_before_the_pause_is_effective(world):
    run = start(world, step("a"), step("b"), step("c", needs="a b"))
    first, second = take(run, "a"), take(run, "b")
    assert pause_run(run, by=world.actor("bob")).state == "running"
    finish(first, Outcome("succeeded"))
    run.refresh_from_db()
    assert run.state == "running"
    finish(second, Outcome("succeeded"))
    run.refresh_from_db()
    assert (run.state, states(run)["c"]) == ("paused", "queued")
    assert due_steps(run) == []
    assert drain(run).state == "paused"
    assert resume_run(run, by=world.actor("alice")).state == "running"
    assert drain(run).state == "succeeded"
    assert [event.actor for event in events(run) if event.type == "run.resumed"] == ["alice"]


def test_a_second_pause_is_refused_while_the_first_takes_effect(world):
    run = start(world, step("a"))
    take(run, "a")
    pause_run(run, by=world.actor("bob"))
    with pytest.raises(ActionRefused):
        pause_run(run, by=world.actor("bob"))


def test_a_pause_can_be_taken_back_before_it_is_effective(world):
    run = start(world, step("a"), step("b", needs="a"))
    claimed = take(run, "a")
    pause_run(run, by=world.actor("bob"))
    assert resume_run(run, by=world.actor("bob")).state == "running"
    finish(claimed, Outcome("succeeded"), take_next=False)
    assert drain(run).state == "succeeded"
    assert "run.paused" not in event_types(run)


def test_the_last_step_of_a_pausing_run_ends_it(world):
    run = start(world, step("a"))
    claimed = take(run, "a")
    pause_run(run, by=world.actor("bob"))
    finish(claimed, Outcome("succeeded"))
    run.refresh_from_db()
    assert (run.state, run.pause_requested_at, run.pause_cause) == ("succeeded", None, "")


def test_paused_time_does_not_count_against_the_limit(world):
    run = start(world, step("a"), timeout_seconds=60)
    pause_run(run, by=world.actor("bob"))
    an_hour_ago = Now() - timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(pause_requested_at=an_hour_ago, deadline_at=an_hour_ago + timedelta(minutes=1))
    sweep()
    run.refresh_from_db()
    assert run.state == "paused"
    resume_run(run, by=world.actor("bob"))
    run.refresh_from_db()
    left = run.deadline_at - timezone.now()
    assert timedelta(seconds=40) < left <= timedelta(seconds=60)
    assert drain(run).state == "succeeded"


def test_a_paused_run_that_is_cancelled_after_its_limit_is_cancelled(world):
    run = start(world, step("a"), timeout_seconds=60)
    pause_run(run, by=world.actor("bob"))
    Run.objects.filter(pk=run.pk).update(pause_requested_at=Now() - timedelta(hours=1), deadline_at=Now())
    assert cancel_run(run, by=world.actor("bob")).state == "cancelled"


def test_a_pause_by_a_person_who_is_called_system_is_theirs(world):
    run = start(world, step("a"), step("b"))
    pause_run(run, by=replace(world.actor("bob"), name="system"))
    run.steps.filter(key="a").update(state="needs_review", waits_for="review", due_at=None)
    Run.objects.filter(pk=run.pk).update(people_steps=1)
    resolve_step(run.steps.get(key="a"), outcome="succeeded", by=world.actor("bob"))
    run.refresh_from_db()
    assert run.state == "paused"
    cancel_run(run, by=world.actor("bob"))


def test_no_run_goes_a_way_that_is_not_on_the_map(world):
    run = start(world, step("a"))

    def go_back():
        with locked_run(run.pk) as locked:
            locked.found, locked.state = "succeeded", "running"
            locked.emit("run.started")

    with pytest.raises(IllegalChange):
        go_back()
    run.refresh_from_db()
    assert run.state == "queued"


def test_timers_and_retries_wait_for_the_resume(world):
    function_tool(world, "fail", "test-fail")
    run = start(world, step("timer", "wait", with_={"seconds": 60}),
                step("again", "tool:fail", retry={"max_attempts": 2}))  # fmt: skip
    drain(run, hurry=False)
    assert pause_run(run, by=world.actor("bob")).state == "paused"
    run.steps.update(due_at=Now())
    sweep()
    assert (due_steps(run), states(run)) == ([], {"timer": "waiting", "again": "retrying"})
    run.steps.filter(key="again").update(due_at=Now() + timedelta(seconds=2))
    resume_run(run, by=world.actor("bob"))
    assert run.steps.get(key="again").rung_at is None, "rung when it is due, by the sweep"
    drain(run)
    assert states(run) == {"timer": "succeeded", "again": "failed"}


def test_items_that_follow_are_held_too(world):
    run = start(world, step("each", foreach=[1, 2, 3], max_parallel=1))
    claimed = take(run, "each", 0)
    pause_run(run, by=world.actor("bob"))
    finish(claimed, Outcome("succeeded"))
    assert drain(run).state == "paused"
    resume_run(run, by=world.actor("bob"))
    assert drain(run).state == "succeeded"


def test_a_paused_run_can_be_cancelled(world):
    run = start(world, step("a"), step("b", needs="a"))
    pause_run(run, by=world.actor("bob"))
    assert cancel_run(run, by=world.actor("bob")).state == "cancelled"
    assert states(run) == {"a": "cancelled", "b": "cancelled"}
