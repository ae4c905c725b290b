"""Steps that wait for a signal: nobody works on them, one signal ends each, and whoever comes too late is told so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from controlplane.domain.errors import ActionRefused, NotAllowed
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, pause_run, replay_run, resume_run, send_signal
from runs.engine.advance import MAX_OPENED
from runs.engine.finish import finish
from runs.engine.outcome import Outcome
from runs.models import Attempt, Run
from runs.replay.domain import prepare_replay
from tests.runs.driving import (
    at_once,
    drain,
    due_steps,
    error,
    event_types,
    events,
    fails,
    item_states,
    output,
    refused,
    signal,
    start,
    states,
    step,
    take,
)
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
AFTER = step("after", "transform", needs="gate", with_="${{ steps.gate.output }}")


def gate(**more) -> dict:
    return step("gate", "signal", **more)


def make_late(run: Run) -> Run:
    """As if the limit of time of everything that waits for a signal had come."""
    run.steps.filter(waits_for="signal").update(due_at=Now())
    sweep()
    return drain(run)


def test_what_is_sent_is_the_output_and_the_run_goes_on(world):
    run = drain(start(world, step("before"), gate(needs="before"), AFTER))
    assert (run.state, states(run)) == ("running", {"before": "succeeded", "gate": "waiting", "after": "pending"})
    assert Attempt.objects.filter(step__run=run).count() == 1, "no worker had it"
    signal(run, "gate", {"ok": [1, None]})
    assert (drain(run).state, output(run, "after")) == ("succeeded", {"ok": [1, None]})
    told = {event.type: event for event in events(run) if event.data.get("step") == "gate"}
    assert list(told) == ["step.waiting", "step.signalled", "step.succeeded"]
    assert told["step.waiting"].data["waits_for"] == "signal"


def test_a_run_that_begins_by_waiting_is_running(world):
    run = start(world, gate(), AFTER)
    assert (run.state, bool(run.started_at), due_steps(run)) == ("running", True, [])
    assert event_types(run) == ["run.created", "run.started", "step.waiting"]
    signal(run, "gate")
    assert (drain(run).state, output(run, "after")) == ("succeeded", None)


def test_only_the_first_signal_counts(world):
    run = start(world, gate(), AFTER)
    by = world.actor("bob")
    which = run.steps.get(key="gate")
    outcomes = at_once(*(lambda n=n: send_signal(which, output=n, by=by) for n in range(8)))
    assert len(refused(outcomes, ActionRefused)) == 7
    assert event_types(run).count("step.signalled") == 1
    assert drain(run).state == "succeeded"
    with pytest.raises(ActionRefused, match="does not wait for a signal"):
        signal(run, "gate")


def test_only_a_step_that_waits_for_a_signal_takes_one(world):
    run = drain(start(world, step("timer", "wait", with_={"seconds": 60}), gate(needs="timer")), hurry=False)
    for key in ("timer", "gate"):
        with pytest.raises(ActionRefused):
            signal(run, key)
    assert states(run) == {"timer": "waiting", "gate": "pending"}
    cancel_run(run, by=world.actor("bob"))


def test_whoever_may_only_look_sends_nothing(world):
    run = start(world, gate())
    with pytest.raises(NotAllowed):
        send_signal(run.steps.get(), output=1, by=world.actor("vera"))
    signal(run, "gate")


def test_a_signal_that_does_not_come_fails_the_step(world):
    run = start(world, gate(timeout_seconds=60), AFTER)
    assert drain(run).state == "running"
    assert make_late(run).state == "failed"
    assert (error(run, "gate")["type"], states(run)["after"]) == ("timeout", "skipped")
    assert "60 seconds" in error(run, "gate")["message"]
    with pytest.raises(ActionRefused):
        signal(run, "gate")


def test_a_signal_that_may_stay_away_lets_the_run_go_on(world):
    run = start(world, gate(timeout_seconds=60, on_error="continue"), AFTER)
    assert (make_late(run).state, output(run, "after")) == ("partially_succeeded", None)


def test_without_a_limit_it_waits_as_long_as_the_run_may_take(world):
    run = start(world, gate(), timeout_seconds=60)
    assert run.steps.get().due_at is None
    Run.objects.filter(pk=run.pk).update(deadline_at=Now())
    sweep()
    run.refresh_from_db()
    assert (run.state, states(run)) == ("timed_out", {"gate": "cancelled"})


def test_signal_and_limit_at_once_make_one_end(world):
    for _ in range(5):
        run = start(world, gate(timeout_seconds=60), AFTER)
        run.steps.filter(key="gate").update(due_at=Now())
        at_once(sweep, lambda run=run: signal(run, "gate"))
        drain(run)
        ends = [type for type in event_types(run) if type in {"step.succeeded", "step.failed"}]
        assert (run.state, len(ends)) in {("succeeded", 2), ("failed", 1)}


def test_a_cancel_ends_it(world):
    run = start(world, gate(), AFTER)
    assert cancel_run(run, by=world.actor("bob")).state == "cancelled"
    assert states(run) == {"gate": "cancelled", "after": "cancelled"}
    with pytest.raises(ActionRefused):
        signal(run, "gate")


def test_while_the_run_is_paused_it_takes_the_signal_and_holds_what_follows(world):
    run = start(world, gate(), AFTER)
    assert pause_run(run, by=world.actor("bob")).state == "paused"
    signal(run, "gate", 1)
    assert (drain(run).state, states(run)) == ("paused", {"gate": "succeeded", "after": "queued"})
    resume_run(run, by=world.actor("bob"))
    assert drain(run).state == "succeeded"


def test_paused_time_does_not_count_against_its_limit(world):
    run = start(world, gate(timeout_seconds=60))
    hour = timedelta(hours=1)
    run.steps.update(started_at=F("started_at") - hour - hour, due_at=F("due_at") - hour)
    pause_run(run, by=world.actor("bob"))
    Run.objects.filter(pk=run.pk).update(pause_requested_at=Now() - hour)
    sweep()
    assert states(run) == {"gate": "waiting"}, "nothing is late while the run is paused"
    resume_run(run, by=world.actor("bob"))
    sweep()
    assert states(run) == {"gate": "waiting"}
    signal(run, "gate")


def test_what_becomes_ready_in_a_pause_opens_with_the_resume(world):
    run = start(world, step("a"), step("b"), gate(needs="a"), step("rest", "wait", needs="a", with_={"seconds": 60}))
    claimed = take(run, "a")
    pause_run(run, by=world.actor("bob"))
    finish(claimed, Outcome("succeeded"))
    assert {key: states(run)[key] for key in ("gate", "rest")} == {"gate": "queued", "rest": "queued"}
    resume_run(run, by=world.actor("bob"))
    assert {key: states(run)[key] for key in ("gate", "rest")} == {"gate": "waiting", "rest": "waiting"}
    drain(run)
    signal(run, "gate")
    assert drain(run).state == "succeeded"


class TestForeach:
    def test_each_item_waits_for_its_own(self, world):
        each = gate(foreach=["x", "y", "z"], max_parallel=2, with_={"message": "${{ item }} ${{ string(index) }}"})
        run = drain(start(world, each, AFTER))
        assert item_states(run, "gate") == ["waiting", "waiting", "pending"]
        signal(run, "gate", "second", index=1)
        assert item_states(run, "gate") == ["waiting", "succeeded", "waiting"]
        asked = dict(run.steps.filter(index__isnull=False).values_list("index", "request__message"))
        assert asked == {0: "x 0", 1: "y 1", 2: "z 2"}
        with pytest.raises(ActionRefused):
            signal(run, "gate")
        signal(run, "gate", "third", index=2)
        signal(run, "gate", "first", index=0)
        assert (drain(run).state, output(run, "after")) == ("succeeded", ["first", "second", "third"])

    def test_one_that_is_late_drops_those_that_have_not_begun(self, world):
        run = drain(start(world, gate(foreach=[1, 2, 3], max_parallel=1, timeout_seconds=60), AFTER))
        assert make_late(run).state == "failed"
        assert item_states(run, "gate") == ["failed", "skipped", "skipped"]

    def test_a_cancel_ends_them_all(self, world):
        run = drain(start(world, gate(foreach=[1, 2, 3], max_parallel=2)))
        assert cancel_run(run, by=world.actor("bob")).state == "cancelled"
        assert item_states(run, "gate") == ["cancelled"] * 3

    def test_items_that_cannot_be_opened_fail_each_for_itself(self, world):
        each = gate(foreach=[{"m": "a"}, {}, {"m": "c"}], with_={"message": "${{ item.m }}"}, on_error="continue")
        run = drain(start(world, each))
        assert item_states(run, "gate") == ["waiting", "failed", "waiting"]
        for index in (0, 2):
            signal(run, "gate", index, index=index)
        assert (drain(run).state, output(run, "gate")) == ("partially_succeeded", [0, None, 2])

    def test_beyond_a_hundred_at_once_workers_open_the_rest(self, world):
        """Nobody waits long for the lock of the run, and nothing is lost."""
        count = MAX_OPENED + 5
        run = start(world, gate(foreach=list(range(count)), max_parallel=1000))
        assert item_states(run, "gate").count("waiting") == MAX_OPENED
        assert set(item_states(drain(run), "gate")) == {"waiting"}
        for item in run.steps.filter(index__isnull=False):
            send_signal(item, output=item.index, by=world.actor("bob"))
        assert (drain(run).state, output(run, "gate")) == ("succeeded", list(range(count)))


class TestChildren:
    def waiting(self, world) -> tuple[Run, Run]:
        make_workflow(world.acme, "child", {"steps": [gate()], "outputs": {"said": "${{ steps.gate.output }}"}})
        run = drain(start(world, step("call", "workflow:child")))
        return run, Run.objects.get(parent_step__run=run)

    def test_a_child_run_waits_for_its_signal(self, world):
        run, child = self.waiting(world)
        assert (run.state, child.state) == ("running", "running")
        signal(child, "gate", 42)
        assert (drain(run).state, output(run, "call")) == ("succeeded", {"said": 42})

    def test_pause_and_cancel_of_the_parent_reach_it(self, world):
        run, child = self.waiting(world)
        pause_run(run, by=world.actor("bob"))
        drain(run)
        child.refresh_from_db()
        assert child.state == "paused"
        cancel_run(run, by=world.actor("bob"))
        assert (drain(run).state, states(child)) == ("cancelled", {"gate": "cancelled"})


class TestReplay:
    def test_a_signal_is_asked_for_again(self, world):
        run = start(world, step("a"), gate(), step("b", needs="a"), step("c", needs="gate b"))
        signal(run, "gate", "yes")
        drain(run)
        decisions = {one.key: (one.outcome, one.reason) for one in prepare_replay(run, step="c").decisions}
        assert decisions["gate"] == ("invalid", "a signal holds for one run only")
        assert decisions["b"][0] == "reuse"
        again = drain(replay_run(run, step="c", by=world.actor("bob")))
        assert (again.state, states(again)["gate"], states(again)["c"]) == ("running", "waiting", "pending")
        signal(again, "gate", "again")
        assert (drain(again).state, output(again, "gate")) == ("succeeded", "again")

    def test_a_timer_that_is_over_is_taken_over(self, world):
        run = drain(start(world, step("rest", "wait", with_={"seconds": 60}), step("b", needs="rest")))
        again = drain(replay_run(run, step="b", by=world.actor("bob")), hurry=False)
        assert (again.state, again.steps.get(key="rest").reused) == ("succeeded", True)


def test_timers_that_are_over_when_they_begin_hold_nobody_up(world):
    run = start(world, step("a", "wait", with_={"seconds": 0}), step("b", "wait", needs="a", with_={"seconds": -0.0}),
                step("each", "wait", foreach=[0, 0], with_={"seconds": "${{ item }}"}, needs="b"))  # fmt: skip
    run.refresh_from_db()
    assert (run.state, states(run)) == ("succeeded", {"a": "succeeded", "b": "succeeded", "each": "succeeded"})


def test_a_failure_before_it_keeps_it_closed(world):
    run = drain(start(world, fails("a"), gate(needs="a"), step("other", "signal", needs="a", run_if="always")))
    assert states(run) == {"a": "failed", "gate": "skipped", "other": "waiting"}
    signal(run, "other")
    assert drain(run).state == "failed"


def test_a_request_that_cannot_be_stored_fails_the_step_and_not_the_one_before(world):
    run = start(world, step("a"), gate(needs="a", with_={"message": "${{ 'a\\u0000b' }}"}))
    assert drain(run).state == "failed"
    assert (states(run), error(run, "gate")["type"]) == ({"a": "succeeded", "gate": "failed"}, "not_storable")
