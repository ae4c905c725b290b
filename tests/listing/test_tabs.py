"""The tabs above the runs: their words, their counts, and what a click brings."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from controlplane.listing.declaration.tabs import count_each, count_together
from controlplane.listing.reading.counting import Count
from controlplane.listing.reading.request import Reading
from runs.list.listing import RUNS, STATES
from runs.models import NEEDS_ATTENTION, Run, RunState
from tests.world import make_run, make_runs, make_workflow

pytestmark = pytest.mark.django_db


def counts(html: bytes) -> dict[str, str]:
    found = re.findall(r'id="narrow-\d"[^>]*>\s*([\w ]+)<span class="tabs__count num">([\d,+]+)<', html.decode())
    return dict(found)


def current(html: bytes) -> list[str]:
    return re.findall(r'id="narrow-\d"[^>]*aria-current="page">\s*(\w+)<', html.decode())


@pytest.fixture
def runs(world):
    workflow = make_workflow(world.acme)
    for state in ("queued", "running", "paused", "waiting_approval", "succeeded", "failed", "timed_out", "failed"):
        make_run(workflow, state, environment="production" if state == "failed" else "dev")
    make_run(make_workflow(world.globex), "failed")


def test_every_state_is_behind_one_tab():
    values = [value for tab in STATES.tabs for value in tab.values]
    assert sorted(values) == sorted([*RunState.values, NEEDS_ATTENTION])


def test_each_tab_counts_its_runs_of_this_project(world, runs):
    html = world.client("vera").get("/p/acme/runs/").content
    expected = {"Queued": "1", "Running": "1", "Needs attention": "0"}
    expected |= {"Waiting": "2", "Succeeded": "1", "Failed": "3", "Cancelled": "0"}
    assert counts(html) == {"All": "8", **expected}
    assert current(html) == ["All"]


def test_the_counts_follow_the_other_filters_and_not_the_state(world, runs):
    html = world.client("vera").get("/p/acme/runs/?environment=production&status=timed_out,failed").content
    assert counts(html)["All"] == counts(html)["Failed"] == "2"
    assert current(html) == ["Failed"]


def test_states_that_are_no_tab_open_none(world, runs):
    assert current(world.client("vera").get("/p/acme/runs/?status=failed").content) == []


def test_a_tab_brings_the_filters_along_and_a_refresh_does_not(world, runs):
    client = world.client("vera")
    address = "/p/acme/runs/?status=failed&status=timed_out"
    clicked = client.get(address, headers={"HX-Request": "true", "HX-Trigger": "narrow-6"}).content
    assert re.search(rb'id="list-filter-panel"\s+hx-swap-oob="true"', clicked)
    assert re.search(rb'name="status" value="failed" checked', clicked)
    refreshed = client.get(address, headers={"HX-Request": "true", "HX-Trigger": "list"}).content
    assert b"list-filter-panel" not in refreshed
    assert counts(refreshed) == counts(clicked)


def test_all_tabs_are_counted_by_one_statement_that_counts_the_list_too(world, runs):
    make_runs(make_workflow(world.acme, "more"), 30)
    client = world.client("vera")
    client.get("/p/acme/runs/?limit=25")
    with CaptureQueriesContext(connection) as queries:
        client.get("/p/acme/runs/?limit=25")
    assert sum("count(" in query["sql"].lower() for query in queries) == 1


def test_more_rows_than_the_limit_are_said_to_be_more(world, runs):
    visible = Run.objects.visible_to(world.actor("vera"))
    failed, paused = visible.filter(state="failed"), visible.filter(state="paused")
    assert count_each([failed, paused, visible.none()], limit=1) == [Count(1, is_capped=True), Count(1), Count(0)]
    assert count_together([Count(1), Count(1)], limit=1) == Count(1, is_capped=True)
    assert count_together([Count(1, is_capped=True), Count(0)], limit=9) == Count(1, is_capped=True)


def test_a_tab_that_is_open_counts_the_list(world, runs):
    for query, expected in {"": 8, "status=failed,timed_out": 3, "status=failed": 2}.items():
        reading = Reading(RUNS, QueryDict(f"{query}&limit=1"), who=world.actor("vera"), project=world.acme)
        assert reading.count == Count(expected), query


def test_the_api_says_what_the_tabs_say(world, runs):
    api = world.api("vera")
    found = api.get("/api/v1/runs/counts?environment=production&status=queued").json()["results"]
    assert [(one["label"], one["count"]) for one in found if one["count"]] == [("All", 2), ("Failed", 2)]
    assert found[6] == {"label": "Failed", "values": ["failed", "timed_out"], "count": 2, "is_capped": False}
    for query in ("limit=5", "wrong=1", "since=soon"):
        refused = api.get(f"/api/v1/runs/counts?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_a_tag_is_looked_up_once_for_the_rows_and_the_counts(world, runs):
    reading = Reading(RUNS, QueryDict("tag=nightly"), who=world.actor("vera"), project=world.acme)
    with CaptureQueriesContext(connection) as queries:
        assert (reading.page.rows, str(reading.count)) == ([], "0")
    assert sum("LIMIT 1001" in query["sql"] for query in queries) == 1
