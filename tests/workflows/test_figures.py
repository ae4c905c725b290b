"""Figures of a workflow's runs are true, by the project's clock, and cost the same at any number of runs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from runs.figures.workflow import WorkflowFigures
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db


def ran(workflow, state: str = "succeeded", *, ago: timedelta = timedelta(0), seconds: float = 2, **fields):
    at = timezone.now() - ago
    ended = {} if state == "running" else {"ended_at": at + timedelta(seconds=seconds)}
    return make_run(workflow, state, created_at=at, started_at=at, **ended, **fields)


@pytest.fixture
def workflow(world):
    return make_workflow(world.acme)


def test_it_counts_measures_and_adds_up(workflow):
    for seconds in (1, 2, 3):
        ran(workflow, seconds=seconds, cost_usd="0.5")
    ran(workflow, "failed", seconds=4, cost_usd="0.25")
    ran(workflow, "cancelled", seconds=900)
    ran(workflow, "running")
    total = WorkflowFigures(workflow).total
    assert (total.runs, total.ended["succeeded"], total.ended["failed"], total.ended["cancelled"]) == (5, 3, 1, 1)
    assert total.started == 6
    assert total.success_rate == 0.75
    assert (total.median_ms, total.cost_usd) == (2500, 1.75)


def test_other_workflows_test_runs_and_older_runs_do_not_count(world, workflow):
    ran(make_workflow(world.acme, "other"))
    ran(workflow, "failed", trigger="test")
    ran(workflow, "failed", ago=timedelta(days=40))
    assert WorkflowFigures(workflow, "30d").total.runs == 0
    assert WorkflowFigures(workflow, "30d", tests=True).total.runs == 1
    assert WorkflowFigures(workflow, "90d").total.runs == 1


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "90d"])
def test_every_run_is_in_a_bucket_that_is_shown(workflow, window):
    for ago in (timedelta(0), timedelta(minutes=70), timedelta(hours=20)):
        ran(workflow, ago=ago)
    figures = WorkflowFigures(workflow, window)
    assert sum(one.runs for _, one in figures.by_bucket) == figures.total.runs == 3
    assert len(set(figures.range.labels)) == len(figures.range.buckets)


def starts(workflow, window: str) -> list[datetime]:
    return [bucket.start for bucket in WorkflowFigures(workflow, window).range.buckets]


def test_a_day_begins_at_midnight_of_the_project(workflow):
    assert {(at.hour, at.minute) for at in starts(workflow, "30d")} == {(0, 0)}
    assert {at.weekday() for at in starts(workflow, "90d")} == {0}
    assert starts(workflow, "30d")[0].utcoffset() in (timedelta(hours=1), timedelta(hours=2))


def test_the_page_shows_them_and_the_workflow_page_asks_for_them(world, workflow, django_assert_max_num_queries):
    ran(workflow, "failed", cost_usd="0.5")
    client = world.client("vera")
    client.get("/p/acme/")
    here = f"/p/acme/workflows/{workflow.pk}/figures"
    assert f'hx-get="{here}"' in client.get(f"/p/acme/workflows/{workflow.pk}/").content.decode()
    with django_assert_max_num_queries(7):
        page = client.get(here, {"window": "7d"}, headers={"HX-Request": "true"}).content.decode()
    assert "Last 7 days" in page
    assert "0 %" in page or "0%" in page
    assert "$0.50" in page
    assert "<html" not in page
    assert "<html" in client.get(here).content.decode()


def test_the_api_says_the_same(world, workflow):
    ran(workflow, seconds=2, cost_usd="0.5")
    url = f"/api/v1/workflows/{workflow.pk}/figures"
    said = world.api("vera").get(url, {"window": "24h"}).json()
    assert (said["runs"], said["ended"], said["success_rate"]) == (1, {"succeeded": 1}, 1.0)
    assert (said["median_duration_ms"], said["cost_usd"], said["is_cut"]) == (2000, "0.500000", False)
    assert len(said["buckets"]) == 24
    assert sum(bucket["runs"] for bucket in said["buckets"]) == 1
    assert datetime.fromisoformat(said["buckets"][0]["start"]) == datetime.fromisoformat(said["since"])
    refused = world.api("vera").get(url, {"window": "1y"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "window")
    assert world.api("mallory").get(url).status_code == 404
