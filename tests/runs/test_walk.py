"""From the first step to the end: order, conditions, failures, items."""

from __future__ import annotations

import pytest

from runs.actions import cancel_run
from runs.engine.finish import finish
from runs.engine.outcome import Outcome
from runs.engine.work import work
from tests.runs.driving import (
    drain,
    due_steps,
    error,
    event_types,
    events,
    fails,
    item_states,
    output,
    start,
    states,
    step,
    take,
)

pytestmark = pytest.mark.django_db(transaction=True)
GIVEN = {"type": "object", "properties": {"items": {"type": "array"}, "n": {"type": "integer"}}}


def test_a_chain_hands_outputs_on_and_ends_with_its_own(world):
    run = drain(
        start(
            world,
            step("first", "transform", with_={"n": "${{ params.n + 1 }}"}),
            step("second", "transform", needs="first", with_="${{ steps.first.output.n * 2 }}"),
            params=GIVEN,
            inputs={"n": 20},
            outputs={"answer": "${{ steps.second.output }}"},
        )
    )
    assert (run.state, run.outputs) == ("succeeded", {"answer": 42})
    assert event_types(run) == [
        "run.created", "run.started", "step.started", "step.succeeded", "step.started", "step.succeeded",
        "run.succeeded",
    ]  # fmt: skip


def test_events_are_numbered_without_gaps_and_in_order_of_time(world):
    run = drain(start(world, step("a"), step("b", needs="a"), step("c", needs="a"), step("d", needs="b c")))
    seen = events(run)
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert [event.at for event in seen] == sorted(event.at for event in seen)
    assert run.last_seq == len(seen)


def test_a_join_waits_for_all_it_needs(world):
    run = start(world, step("left"), step("right"), step("join", needs="left right"))
    work(run.steps.get(key="left").pk)
    assert states(run)["join"] == "pending"
    assert drain(run).state == "succeeded"


def test_a_false_condition_skips_the_step_and_what_needs_it(world):
    run = drain(start(world, step("gate", when="1 > 2"), step("after", needs="gate"), step("other")))
    assert states(run) == {"gate": "skipped", "after": "skipped", "other": "succeeded"}
    assert run.state == "succeeded"
    assert [event.data["reason"] for event in events(run) if event.type == "step.skipped"] == [
        "Its condition was false.",
        "It needs gate, which was skipped.",
    ]


def test_run_if_always_runs_after_a_skip_and_after_a_failure(world):
    run = drain(
        start(
            world,
            step("gate", when="false"),
            fails("bad"),
            step("clean", needs="gate bad", run_if="always", with_={}),
            step("never", needs="bad"),
        )
    )
    assert states(run) == {"gate": "skipped", "bad": "failed", "clean": "succeeded", "never": "skipped"}
    assert (run.state, run.error["step"], run.error["type"]) == ("failed", "bad", "expression")


def test_a_tolerated_failure_lets_the_rest_go_on_and_shows_in_the_end(world):
    run = drain(start(world, fails("bad", on_error="continue"), step("after", needs="bad"), outputs={"x": 1}))
    assert states(run) == {"bad": "failed", "after": "succeeded"}
    assert (run.state, run.outputs, run.error) == ("partially_succeeded", {"x": 1}, None)


def test_branches_beside_a_failure_run_to_their_end(world):
    run = drain(start(world, fails("bad"), step("a"), step("b", needs="a"), step("c", needs="b")))
    assert (run.state, states(run)["c"]) == ("failed", "succeeded")


def test_a_condition_that_breaks_fails_the_step(world):
    run = drain(start(world, step("a"), step("b", needs="a", when="steps.a.output.absent == 1")))
    assert (run.state, states(run)["b"], error(run, "b")["type"]) == ("failed", "failed", "expression")


def test_outputs_that_cannot_be_computed_fail_the_run(world):
    run = drain(start(world, step("a"), outputs={"x": "${{ steps.a.output.absent }}"}))
    assert (run.state, run.error["type"]) == ("failed", "expression")


def test_a_run_whose_steps_are_all_skipped_ends_at_once(world):
    run = start(world, step("a", when="false"), step("b", needs="a"))
    run.refresh_from_db()
    assert (run.state, states(run)) == ("succeeded", {"a": "skipped", "b": "skipped"})
    assert run.started_at is not None
    assert due_steps() == []


class TestItems:
    """`foreach`: one step run an item."""

    def test_outputs_come_in_the_order_of_the_items(self, world):
        run = drain(
            start(
                world,
                step("each", "transform", foreach="${{ params.items }}", with_="${{ [index, item] }}"),
                step("sum", "transform", needs="each", with_="${{ size(steps.each.output) }}"),
                params=GIVEN,
                inputs={"items": list("abc")},
            )
        )
        assert output(run, "each") == [[0, "a"], [1, "b"], [2, "c"]]
        assert output(run, "sum") == 3

    def test_no_items_succeed_at_once(self, world):
        run = drain(start(world, step("each", foreach=[]), step("after", needs="each")))
        assert (run.state, output(run, "each")) == ("succeeded", [])

    def test_null_items_are_items(self, world):
        run = drain(start(world, step("each", "transform", foreach=[None, 1], with_="${{ item }}")))
        assert (run.state, output(run, "each")) == ("succeeded", [None, 1])

    def test_a_failing_item_fails_the_step_and_drops_what_has_not_started(self, world):
        run = drain(
            start(world, step("each", "transform", foreach=[1, 0, 1, 1], max_parallel=1, with_="${{ 1 / item }}"))
        )
        assert item_states(run, "each") == ["succeeded", "failed", "skipped", "skipped"]
        assert (run.state, states(run)["each"]) == ("failed", "failed")
        assert error(run, "each")["message"].startswith("1 of 4 items failed; the first: ")

    def test_with_continue_all_items_run_and_the_rest_goes_on(self, world):
        run = drain(
            start(
                world,
                step("each", "transform", foreach=[1, 0, 1], on_error="continue", with_="${{ 1 / item }}"),
                step("after", "transform", needs="each", with_="${{ steps.each.output }}"),
            )
        )
        assert item_states(run, "each") == ["succeeded", "failed", "succeeded"]
        assert (run.state, output(run, "after")) == ("partially_succeeded", [1, None, 1])

    def test_only_so_many_are_ready_at_once(self, world):
        run = start(world, step("each", foreach=list(range(7)), max_parallel=3))
        seen = []
        while due := due_steps(run):
            seen.append(len(due))
            work(due[0])
        assert max(seen) == 3
        run.refresh_from_db()
        assert run.state == "succeeded"

    def test_more_than_ten_thousand_items_are_refused(self, world):
        run = start(world, step("a", "transform", with_="${{ params.items }}"),
                    step("each", needs="a", foreach="${{ steps.a.output }}"),
                    params=GIVEN, inputs={"items": [0] * 10_001})  # fmt: skip
        drain(run)
        assert (run.state, error(run, "each")["type"]) == ("failed", "foreach")
        assert run.steps.filter(key="each").count() == 1

    def test_something_else_than_a_list_is_refused(self, world):
        run = drain(start(world, step("each", foreach="${{ 'abc' }}")))
        assert (run.state, error(run, "each")["type"]) == ("failed", "foreach")

    def test_a_cancel_drops_waiting_items_and_lets_the_running_one_end(self, world):
        run = start(world, step("each", foreach=[1, 2, 3], max_parallel=2))
        claimed = take(run, "each", 0)
        assert cancel_run(run, by=world.actor("bob")).state == "stopping"
        finish(claimed, Outcome("succeeded", output=1))
        run.refresh_from_db()
        assert (run.state, states(run)["each"]) == ("cancelled", "cancelled")
        assert item_states(run, "each") == ["succeeded", "cancelled", "cancelled"]
