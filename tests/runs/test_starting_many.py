"""`POST /runs` with a list of inputs: a run for each of them, in one call and one transaction."""

from __future__ import annotations

from typing import Any

import pytest

from runs.actions import MOST_AT_ONCE
from runs.models import Run
from tests.runs.driving import broken_invariants, drain, step
from tests.runs.test_taking import take_all
from tests.world import World, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)

PARAMS = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 100}, "word": {"default": "x"}}}
DOCUMENT = {"params": PARAMS, "steps": [step("a", "transform", with_="${{ params.n * 2 }}")]}


@pytest.fixture
def doubling(world: World) -> None:
    make_workflow(world.acme, "doubling", DOCUMENT)


def post(client: Any, inputs: Any, **more: Any) -> Any:
    return client.post("/api/v1/runs", {"workflow": "doubling", "inputs": inputs, **more}, format="json")


def test_each_has_its_own_inputs_in_the_order_that_was_sent(world, doubling):
    answer = post(world.api("bob"), [{"n": n} for n in range(25)], tags=["many"], environment="staging")
    assert answer.status_code == 201
    started = answer.json()["results"]
    assert {one["status"] for one in started} == {"queued"}
    take_all()
    runs = [Run.objects.get(pk=one["id"]) for one in started]
    assert [run.inputs for run in runs] == [{"n": n, "word": "x"} for n in range(25)]
    assert [run.steps.get().output for run in runs] == [2 * n for n in range(25)]
    assert {(run.state, run.environment, *run.tags) for run in runs} == {("succeeded", "staging", "many")}
    assert broken_invariants() == {}


def test_one_that_is_wrong_keeps_all_of_them_from_starting(world, doubling):
    answer = post(world.api("bob"), [{"n": 1}, {"n": 101}, {"n": "x"}])
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["inputs[1].n"]
    assert not Run.objects.exists()


@pytest.mark.parametrize("inputs", [[], [1], [{"n": 1}, None], "x", 3, [{}] * (MOST_AT_ONCE + 1)], ids=str)
def test_what_is_no_list_of_inputs_is_refused(world, doubling, inputs):
    answer = post(world.api("bob"), inputs)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "inputs"
    assert not Run.objects.exists()


def test_sent_twice_with_one_key_it_starts_them_once(world, doubling):
    bob = world.api("bob")
    first, second = (
        bob.post(
            "/api/v1/runs",
            {"workflow": "doubling", "project": "acme", "inputs": [{"n": 1}, {"n": 2}]},
            format="json",
            headers={"Idempotency-Key": "twice"},
        )
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert Run.objects.count() == 2


def test_first_steps_with_a_condition_are_decided_for_each(world):
    make_workflow(world.acme, "doubling", {"params": PARAMS, "steps": [step("a", when="params.n > 1")]})
    started = post(world.api("bob"), [{"n": 1}, {"n": 2}]).json()["results"]
    take_all()
    ended = [drain(Run.objects.get(pk=one["id"])) for one in started]
    assert [run.steps.get().state for run in ended] == ["skipped", "succeeded"]


def test_a_viewer_starts_none(world, doubling):
    assert post(world.api("vera"), [{"n": 1}]).status_code == 403
    assert not Run.objects.exists()
