"""Workflows that start workflows: results, costs, failures, stops, limits."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models.functions import Now

from controlplane.domain.errors import ActionRefused
from controlplane.domain.failures import Cancelled
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, delete_run, pause_run, resume_run
from runs.engine.children import settle_child, start_child
from runs.engine.finish import finish
from runs.engine.outcome import Outcome
from runs.engine.sql import run_statement
from runs.engine.sweep import CHILDREN_OUT_OF_STEP
from runs.engine.work import work
from runs.models import Run
from runs.tasks import follow_pause, stop_child
from tests.runs.driving import (
    broken_invariants,
    drain,
    error,
    event_types,
    fails,
    function_tool,
    output,
    start,
    states,
    step,
    take,
)
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)


def child_workflow(world, *steps: dict, name: str = "child", **document):
    return make_workflow(world.acme, name, {"steps": list(steps), **document})


def calls_child(key: str = "call", name: str = "child", **more) -> dict:
    return step(key, f"workflow:{name}", **more)


def only_child(run: Run) -> Run:
    return Run.objects.get(parent_step__run=run)


def test_the_outputs_of_the_child_are_the_output_of_the_step(world):
    child_workflow(world, step("a"), params={"type": "object", "properties": {"n": {"type": "integer"}}},
                   outputs={"twice": "${{ params.n * 2 }}"})  # fmt: skip
    run = start(world, calls_child(with_={"inputs": {"n": "${{ 20 + 1 }}"}}),
                step("after", "transform", needs="call", with_="${{ steps.call.output.twice }}"))  # fmt: skip
    assert (drain(run).state, output(run, "after")) == ("succeeded", 42)
    child = only_child(run)
    assert (child.trigger, child.state, child.environment, child.created_by) == (
        "workflow",
        "succeeded",
        "dev",
        "system",
    )


def test_a_child_that_fails_fails_the_step_and_says_which_run(world):
    child_workflow(world, fails("a"))
    run = drain(start(world, calls_child()))
    assert (run.state, error(run, "call")["type"]) == ("failed", "child_run")
    assert error(run, "call")["context"] == {"run": only_child(run).pk}


def test_costs_and_tokens_add_up_through_the_levels(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    child_workflow(world, step("a", "tool:echo"), step("b", "tool:echo"))
    child_workflow(world, calls_child(), step("c", "tool:echo"), name="middle")
    run = drain(start(world, calls_child(name="middle"), step("d", "tool:echo")))
    assert (run.state, str(run.cost_usd)) == ("succeeded", "1.000000")
    assert [str(one.cost_usd) for one in run.steps.order_by("key")] == ["0.750000", "0.250000"]


@pytest.fixture
def given_up(world):
    """A run whose step failed while the run that it had started went on, to cost 0.25 in the end."""
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    child_workflow(world, step("a", "tool:echo"))
    run = start(world, calls_child())
    give_up(run)
    return run


def give_up(run: Run) -> None:
    claimed = take(run, "call")
    start_child(claimed, "child", {})
    finish(claimed, Outcome("failed"))


def ends_late(run: Run) -> None:
    """The child of `run` does its work, longer than a second ago."""
    work(only_child(run).steps.get().pk)
    Run.objects.filter(ended_at__isnull=False).update(ended_at=Now() - timedelta(seconds=2))


def costs(run: Run) -> tuple[str, str]:
    """Own, and with children."""
    run.refresh_from_db()
    return f"{run.own_cost_usd:.2f}", f"{run.cost_usd:.2f}"


def test_what_a_child_costs_after_its_step_was_given_up_is_counted_once(given_up):
    ends_late(given_up)
    for _ in range(3):
        settle_child(given_up.steps.get().pk)
    assert costs(given_up) == ("0.00", "0.25")
    assert (given_up.state, str(given_up.steps.get().cost_usd)) == ("failed", "0.250000")
    assert event_types(given_up).count("step.cost_added") == 1
    assert broken_invariants() == {}


def test_the_sweep_counts_a_late_child_of_which_no_bell_told(given_up):
    ends_late(given_up)
    assert sweep()["children"] == 1
    assert costs(given_up) == ("0.00", "0.25")
    assert sweep()["children"] == 0


def test_a_late_child_is_counted_by_everybody_above(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    child_workflow(world, step("a", "tool:echo"))
    child_workflow(world, calls_child(), name="middle")
    run = start(world, calls_child(name="middle"), step("own", "tool:echo"))
    work(run.steps.get(key="call").pk)
    middle = only_child(run)
    give_up(middle)
    settle_child(run.steps.get(key="call").pk)
    work(run.steps.get(key="own").pk)
    assert (costs(run), costs(middle), run.state) == (("0.25", "0.25"), ("0.00", "0.00"), "failed")
    ends_late(middle)
    sweep()
    sweep()
    assert (costs(run), costs(middle)) == (("0.25", "0.50"), ("0.00", "0.25"))
    assert broken_invariants() == {}


def test_a_child_that_ends_before_its_step_is_given_up_is_counted(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    child_workflow(world, step("a", "tool:echo"))
    run = start(world, calls_child())
    claimed = take(run, "call")
    child = start_child(claimed, "child", {})
    work(child.steps.get().pk)
    settle_child(claimed.id)
    assert costs(run) == ("0.00", "0.00")
    finish(claimed, Outcome("failed"))
    settle_child(claimed.id)
    assert costs(run) == ("0.00", "0.25")


def test_own_costs_add_up_to_what_was_spent(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.25")
    child_workflow(world, step("a", "tool:echo"))
    child_workflow(world, calls_child(), step("c", "tool:echo"), name="middle")
    run = drain(start(world, calls_child(name="middle"), step("d", "tool:echo")))
    assert costs(run) == ("0.25", "0.75")
    assert sum(one.own_cost_usd for one in Run.objects.all()) == Decimal("0.75")
    assert broken_invariants() == {}


def test_a_cancel_reaches_every_level(world):
    child_workflow(world, step("a", "wait", with_={"seconds": 600}))
    child_workflow(world, calls_child(), name="middle")
    run = start(world, calls_child(name="middle"), step("after", needs="call"))
    drain(run, hurry=False)
    assert Run.objects.filter(state__in=["queued", "running"]).count() == 3
    cancel_run(run, reason="enough", by=world.actor("bob"))
    drain(run, hurry=False)
    assert set(Run.objects.values_list("state", flat=True)) == {"cancelled"}
    assert states(run) == {"call": "cancelled", "after": "cancelled"}


def test_a_cancel_while_the_child_is_being_started_stops_it(world):
    """The stop comes after the child was written and before the step waits for it."""
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    claimed = take(run, "call")
    child = start_child(claimed, "child", {})
    cancel_run(run, by=world.actor("bob"))
    finish(claimed, Outcome("waiting", waits_for="child"))
    drain(run)
    child.refresh_from_db()
    assert (child.state, run.state) == ("cancelled", "cancelled")


def test_the_sweep_stops_children_whose_step_has_ended(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    claimed = take(run, "call")
    child = start_child(claimed, "child", {})
    finish(claimed, Outcome("failed"))
    assert Run.objects.get(pk=run.pk).state == "failed"
    sweep()
    stop_child(claimed.id)
    child.refresh_from_db()
    assert child.state == "cancelled"


def test_a_worker_that_lost_the_step_starts_nothing(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    late = take(run, "call")
    run.steps.update(lease_until=Now() - timedelta(seconds=1))
    sweep()
    take(run, "call")
    with pytest.raises(Cancelled):
        start_child(late, "child", {})
    assert Run.objects.count() == 1


def test_a_second_attempt_finds_the_child_of_the_first(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    start_child(take(run, "call"), "child", {})
    run.steps.update(lease_until=Now() - timedelta(seconds=1))
    sweep()
    assert drain(run).state == "succeeded"
    assert Run.objects.filter(parent_step__run=run).count() == 1


def test_settling_twice_counts_once(world):
    function_tool(world, "echo", "test-echo", cost_usd="0.5")
    child_workflow(world, step("a", "tool:echo"))
    run = start(world, calls_child())
    work(run.steps.get().pk)
    work(only_child(run).steps.get().pk)
    for _ in range(3):
        settle_child(run.steps.get().pk)
    run.refresh_from_db()
    assert (run.state, str(run.cost_usd), event_types(run).count("step.succeeded")) == ("succeeded", "0.500000", 1)


def test_workflows_that_start_themselves_stop_at_a_depth(world):
    child_workflow(world, calls_child(name="endless"), name="endless")
    run = drain(start(world, calls_child(name="endless")))
    assert run.state == "failed"
    deepest = Run.objects.order_by("-pk").first()
    assert error(deepest, "call")["type"] == "too_deep"
    assert Run.objects.count() == 11


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("gone", {}, "no released version"),
        ("child", {"n": "text"}, "cannot start"),
        ("child", "not an object", "cannot start"),
    ],
)
def test_a_child_that_cannot_start_is_a_typed_failure(world, name, inputs, message):
    child_workflow(world, step("a"), params={"type": "object", "properties": {"n": {"type": "integer"}}})
    retry = {"max_attempts": 3}
    run = drain(start(world, calls_child(name=name, with_={"inputs": inputs}, retry=retry)))
    assert (run.state, error(run, "call")["type"]) == ("failed", "misconfigured")
    assert message in error(run, "call")["message"]
    assert run.steps.get().attempt_no == 1


def test_a_step_s_limit_of_time_holds_for_the_child(world):
    child_workflow(world, step("a", "wait", with_={"seconds": 600}))
    run = start(world, calls_child(timeout_seconds=30))
    drain(run, hurry=False)
    child = only_child(run)
    assert timedelta(seconds=29) < child.deadline_at - child.created_at < timedelta(seconds=31)
    Run.objects.filter(pk=child.pk).update(deadline_at=Now())
    assert drain(run, hurry=False).state == "failed"
    assert "timed out" in error(run, "call")["message"]


def test_a_child_that_ends_while_its_parent_is_paused_waits_for_the_resume(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child(), step("after", needs="call"))
    work(run.steps.get(key="call").pk)
    claimed = take(only_child(run), "a")
    assert pause_run(run, by=world.actor("bob")).state == "paused"
    finish(claimed, Outcome("succeeded"))
    drain(run)
    assert (run.state, states(run)) == ("paused", {"call": "succeeded", "after": "queued"})
    resume_run(run, by=world.actor("bob"))
    assert drain(run).state == "succeeded"


def test_a_pause_and_a_resume_reach_the_child(world):
    child_workflow(world, step("a"), step("b", needs="a"))
    run = start(world, calls_child())
    work(run.steps.get(key="call").pk)
    pause_run(run, by=world.actor("bob"))
    assert sweep()["children"] == 0
    follow_pause(run.steps.get().pk)
    child = only_child(run)
    assert (child.state, child.pause_cause) == ("paused", "parent")
    with pytest.raises(ActionRefused, match="The run that started it is paused"):
        resume_run(child, by=world.actor("bob"))
    resume_run(run, by=world.actor("bob"))
    follow_pause(run.steps.get().pk)
    assert drain(run).state == "succeeded"


def test_the_sweep_finds_children_that_missed_a_pause_or_a_resume(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    work(run.steps.get().pk)
    pause_run(run, by=world.actor("bob"))
    assert [row["id"] for row in run_statement(CHILDREN_OUT_OF_STEP, {"batch": 9})] == [run.steps.get().pk]
    follow_pause(run.steps.get().pk)
    assert run_statement(CHILDREN_OUT_OF_STEP, {"batch": 9}) == []
    resume_run(run, by=world.actor("bob"))
    assert len(run_statement(CHILDREN_OUT_OF_STEP, {"batch": 9})) == 1


def test_a_child_that_a_person_paused_stays_paused(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    work(run.steps.get().pk)
    pause_run(only_child(run), by=world.actor("bob"))
    pause_run(run, by=world.actor("bob"))
    resume_run(run, by=world.actor("bob"))
    follow_pause(run.steps.get().pk)
    assert only_child(run).state == "paused"
    cancel_run(run, by=world.actor("bob"))
    drain(run)


def test_every_item_may_start_a_child(world):
    child_workflow(world, step("a"), params={"type": "object", "properties": {"n": {"type": "integer"}}},
                   outputs="${{ params.n }}")  # fmt: skip
    run = drain(start(world, calls_child(foreach=[1, 2, 3], max_parallel=2, with_={"inputs": {"n": "${{ item }}"}})))
    assert (run.state, output(run, "call")) == ("succeeded", [1, 2, 3])


def test_a_run_is_not_deleted_while_one_that_it_started_goes_on(world):
    child_workflow(world, step("a"))
    run = start(world, calls_child())
    work(run.steps.get().pk)
    child = only_child(run)
    # Given up while its child was being stopped.
    run.steps.update(state="failed", waits_for="", ended_at=Now())
    Run.objects.filter(pk=run.pk).update(state="failed", ended_at=Now(), open_steps=0)
    run.refresh_from_db()
    with pytest.raises(ActionRefused, match="has not ended yet"):
        delete_run(run, by=world.actor("alice"))
    cancel_run(child, by=world.actor("bob"))
    delete_run(run, by=world.actor("alice"))
    assert not Run.objects.exists()
