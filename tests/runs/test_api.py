"""Runs and their steps, as a script sees them."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.projects.models import Member
from runs.list import filters
from runs.models import Run
from tests.runs.driving import drain, start, step
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)


def test_steps_come_in_pages_and_one_by_one(world):
    run, api = drain(start(world, step("a", "transform", with_={"x": 1}), step("b", needs="a"))), world.api("vera")
    first = api.get(f"/api/v1/runs/{run.pk}/steps", {"limit": 1}).json()
    second = api.get(first["next"]).json()
    assert [row["key"] for row in first["results"] + second["results"]] == ["a", "b"]
    assert second["next"] is None
    one = api.get(f"/api/v1/runs/{run.pk}/steps/{first['results'][0]['id']}").json()
    assert (one["key"], one["output"], len(one["attempts"])) == ("a", {"x": 1}, 1)


def test_a_step_of_another_run_is_not_there(world):
    run, other = drain(start(world, step("a"))), drain(start(world, step("a")))
    assert world.api("vera").get(f"/api/v1/runs/{run.pk}/steps/{other.steps.get().pk}").status_code == 404


def test_the_workflow_says_in_which_project_a_repeatable_run_starts(world):
    """For people of several projects, with the header as without."""
    Member.objects.create(project=world.globex, user=world.bob, role="operator")
    workflow, api = make_workflow(world.globex, "there"), APIClient()
    api.force_login(world.bob)
    for headers in ({}, {"Idempotency-Key": "once"}, {"Idempotency-Key": "once"}):
        assert api.post("/api/v1/runs", {"workflow": str(workflow.pk)}, headers=headers).status_code == 201
    assert Run.objects.filter(project=world.globex).count() == 2


@pytest.mark.parametrize("few", [1_000, 1])
@pytest.mark.parametrize(
    ("query", "found"),
    [("tag=nightly", "ab"), ("tag=nightly&tag=eu", "b"), ("tag=no-such", ""), ("q=eu", "b"), ("q=no-such", "")],
)
def test_runs_are_found_by_their_tags_however_many_have_them(world, monkeypatch, few, query, found):
    monkeypatch.setattr(filters, "FEW", few)
    workflow = make_workflow(world.acme)
    tags = {"a": ["nightly"], "b": ["nightly", "eu"], "c": []}
    names = {make_run(workflow, tags=each).pk: name for name, each in tags.items()}
    make_run(make_workflow(world.globex), tags=["nightly", "eu"])
    answer = world.api("vera").get(f"/api/v1/runs?{query}").json()
    assert "".join(sorted(names[run["id"]] for run in answer["results"])) == found
