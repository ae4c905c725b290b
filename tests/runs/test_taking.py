"""Steps that are done in a moment, taken and recorded by the dozen: what comes of it is what came one by one."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.domain.valkey import key, valkey
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, pause_run
from runs.engine import finish, taking
from runs.engine.calling import INSTANT, answered, bell_for, call_for
from runs.engine.outcome import Outcome
from runs.engine.taking import GROUP, claim_due, takers
from runs.engine.work import execute_together
from runs.executors import noop
from runs.models import Attempt, Run, StepRun
from tests.events.test_reaction_bell import rung
from tests.runs.driving import (
    ME,
    at_once,
    broken_invariants,
    drain,
    error,
    event_types,
    events,
    function_tool,
    lose_worker,
    start,
    states,
    step,
    take,
)
from tests.runs.test_random_graphs import graphs, oracle

pytestmark = pytest.mark.django_db(transaction=True)


def take_all() -> None:
    """As a worker that was called, however long it takes."""
    takers.take("default")
    take_until_empty()


def many(world, count: int, *steps, **more) -> list[Run]:
    return [start(world, *(steps or (step("a"),)), **more) for _ in range(count)]


def ends(runs: list[Run]) -> Counter:
    return Counter(Run.objects.filter(pk__in=[run.pk for run in runs]).values_list("state", flat=True))


def test_all_that_is_due_is_done_and_told_as_if_each_had_been_alone(world):
    alone, *others = many(world, 2 * GROUP + 3, step("a"), step("b", "transform", needs="a", with_="${{ 1 + 1 }}"))
    drain_alone = drain(alone)
    take_all()
    assert ends(others) == Counter(succeeded=len(others))
    assert {tuple(event_types(run)) for run in others} == {tuple(event_types(drain_alone))}
    for run in others:
        run.refresh_from_db()
        assert [event.seq for event in events(run)] == list(range(1, run.last_seq + 1))
    assert set(Attempt.objects.values_list("number", flat=True)) == {1}
    assert broken_invariants() == {}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(nodes=graphs(), copies=st.integers(1, 4))
def test_every_graph_ends_as_the_oracle_says(world, nodes, copies):
    runs = many(world, copies, *[node.document for node in nodes])
    take_all()
    for run in map(drain, runs):
        assert (run.state, states(run)) == oracle(nodes)
        assert [event.seq for event in events(run)] == list(range(1, run.last_seq + 1))
    assert broken_invariants() == {}


def test_items_of_one_run_are_taken_together(world):
    run = start(
        world, step("all", "transform", foreach=list(range(3 * GROUP)), max_parallel=50, with_="${{ item * 2 }}")
    )
    claimed = claim_due("default", ME)
    assert {one.run_id for one in claimed} == {run.pk}
    assert len(claimed) == GROUP
    execute_together(claimed)
    take_all()
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert run.steps.get(key="all", index=None).output == [2 * n for n in range(3 * GROUP)]
    assert broken_invariants() == {}


def test_what_waits_for_others_is_left_to_others(world):
    function_tool(world, "echo", "test-echo")
    calls, held, elsewhere = start(world, step("a", "tool:echo")), start(world, step("a")), start(world, step("a"))
    pause_run(held, by=world.actor("bob"))
    elsewhere.steps.update(queue="cpu")
    assert claim_due("default", ME) == []
    assert [one.run_id for one in claim_due("cpu", ME)] == [elsewhere.pk]
    assert states(calls) == states(held) == {"a": "queued"}


def test_one_that_cannot_be_stored_takes_no_others_along(world, monkeypatch):
    runs = many(world, 5)
    poisoned = runs[2]
    original = noop.execute

    def execute(context):
        return Outcome("succeeded", output="nul \x00") if context.claimed.run_id == poisoned.pk else original(context)

    monkeypatch.setattr(noop, "execute", execute)
    monkeypatch.setattr("runs.engine.work.with_stored_output", lambda context, outcome: outcome)
    take_all()
    assert ends(runs) == Counter(succeeded=4, failed=1)
    assert error(poisoned, "a")["type"] == "not_storable"
    assert broken_invariants() == {}


def test_a_group_that_meets_a_cancel_a_pause_and_a_successor(world):
    cancelled, paused, lost, fine = many(world, 4, step("a"), step("b", needs="a"))
    claimed = claim_due("default", ME)
    assert len(claimed) == 4
    cancel_run(cancelled, by=world.actor("bob"))
    pause_run(paused, by=world.actor("bob"))
    lose_worker(lost, "a")
    successor = take(lost, "a", worker="other@test/1")
    following = execute_together(claimed)
    assert [one.run_id for one in following] == [fine.pk]
    assert (successor.attempt_no, states(lost)["a"]) == (2, "running")
    assert "step.late_result" in event_types(lost)
    cancelled.refresh_from_db()
    paused.refresh_from_db()
    assert (cancelled.state, paused.state) == ("cancelled", "paused")
    assert states(paused) == {"a": "succeeded", "b": "queued"}
    finish.finish(successor, Outcome("succeeded"))
    execute_together(following)
    assert broken_invariants() == {}


def test_takers_side_by_side_take_each_step_once(world):
    runs = many(world, 40, step("a"), step("all", foreach=[1, 2, 3], needs="a"))
    at_once(*[lambda: take_until_empty() for _ in range(4)])
    take_all()
    assert ends(runs) == Counter(succeeded=40)
    assert set(Attempt.objects.values_list("number", flat=True)) == {1}
    assert broken_invariants() == {}


def take_until_empty() -> None:
    taking.take_until_nothing_is_due("default")


def test_groups_that_hold_the_same_runs_do_not_wait_in_a_circle(world):
    runs = many(world, 8, step("all", foreach=list(range(8))))
    dice = random.Random(7)
    groups: list[list] = [[], [], [], []]
    for run in runs:
        for number, index in enumerate(dice.sample(range(8), 4)):
            groups[number].append(take(run, "all", index))
    for group in groups:
        dice.shuffle(group)
    assert at_once(*[lambda group=group: finish.finish_together([(one, Outcome("succeeded")) for one in group])
                     for group in groups]) == [[], [], [], []]  # fmt: skip
    for run in runs:
        drain(run)
    assert broken_invariants() == {}


def test_a_queue_that_never_gets_empty_holds_no_worker(world, monkeypatch):
    monkeypatch.setattr(taking, "LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(taking, "execute_together", lambda claimed: time.sleep(0.05) or [])
    many(world, 10 * GROUP)
    valkey(2).delete(key("default"), key("called", "default"))
    takers.take("default")
    assert claim_due("default", ME)
    assert rung() == ["runs.tasks.take_due"]
    assert takers.busy["default"] == 0
    monkeypatch.undo()
    StepRun.objects.filter(state="running").update(lease_until="2020-01-01T00:00Z")
    sweep()
    take_until_empty()
    assert ends(list(Run.objects.all())) == Counter(succeeded=10 * GROUP)


def test_one_call_is_enough_until_it_is_answered():
    valkey(2).delete(key("default"))
    answered("default")
    assert [call_for("default") for _ in range(5)] == [True] * 5
    assert rung() == ["runs.tasks.take_due"]
    answered("default")
    call_for("default")
    assert rung() == ["runs.tasks.take_due"] * 2
    assert 0 < valkey(2).pttl(key("called", "default")) <= 100


def test_a_step_that_is_not_known_to_be_done_in_a_moment_is_called_for_by_itself():
    assert INSTANT == ["noop", "transform"]
    assert bell_for(1, {"id": 2, "queue": "default", "uses": "noop", "slot_key": ""}).instant
    for other in ({"uses": "noop", "slot_key": "tool:7"}, {"uses": "tool:x", "slot_key": ""}, {"uses": "noop"}, {}):
        assert not bell_for(1, {"id": 2, "queue": "default", **other}).instant
