"""Figures about the calls of agents and tools: what is counted, for whom, over which range."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from agents.actions import create_agent, create_tool
from runs import queries
from runs.models import Call, StepRun
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db
ECHO = {"kind": "function", "config": {"function": "text-embed"}}


@pytest.fixture
def agent(world):
    return create_agent(world.acme, name="worker", by=world.actor("erin"), **ECHO)


@pytest.fixture
def tool(world):
    return create_tool(world.acme, name="search", by=world.actor("erin"), **ECHO)


@pytest.fixture
def run(world):
    return make_run(make_workflow(world.acme))


def call(run, *, ago: timedelta = timedelta(hours=1), outcome: str = "succeeded", ms: int = 100, **more) -> Call:
    given = {"run": run, "workflow": run.workflow, "ended_at": timezone.now() - ago, "outcome": outcome}
    return Call.objects.create(duration_ms=ms, **given, **more)


def metrics(world, path: str, who: str = "vera", **params) -> dict:
    answer = world.api(who).get(f"/api/v1/{path}", params)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_it_counts_success_latency_cost_and_tokens(world, agent, run):
    for ms in range(1, 101):
        call(run, agent=agent, ms=ms, cost_usd="0.01", input_tokens=10, output_tokens=2)
    for _ in range(25):
        call(run, agent=agent, outcome="timeout", ms=50)
    found = metrics(world, f"agents/{agent.pk}/metrics")
    assert (found["calls"], found["succeeded"], found["failed"], found["success_rate"]) == (125, 100, 25, 0.8)
    assert found["latency_ms"]["p50"] == 50
    assert found["latency_ms"]["p95"] == 94
    assert found["latency_ms"]["p99"] == 99
    assert (Decimal(found["cost_usd"]), found["input_tokens"], found["output_tokens"]) == (Decimal(1), 1000, 200)
    assert found["failures"] == {"timeout": 25}


def test_cancelled_calls_spoil_neither_success_nor_latency(world, agent, run):
    call(run, agent=agent, ms=10)
    call(run, agent=agent, outcome="cancelled", ms=90_000)
    found = metrics(world, f"agents/{agent.pk}/metrics")
    assert (found["calls"], found["cancelled"], found["success_rate"], found["latency_ms"]["p99"]) == (2, 1, 1.0, 10)


def test_buckets_cover_the_range_and_add_up(world, agent, run):
    for hours in (1, 5, 20, 40):
        call(run, agent=agent, ago=timedelta(hours=hours))
    found = metrics(world, f"agents/{agent.pk}/metrics", since="-24h")
    assert found["bucket_seconds"] == 3600
    assert len(found["buckets"]) == 25
    assert sum(bucket["calls"] for bucket in found["buckets"]) == found["calls"] == 3


def test_a_range_of_ones_own_ends_where_it_says(world, agent, run):
    inside, after = timedelta(hours=3), timedelta(hours=1)
    call(run, agent=agent, ago=inside)
    call(run, agent=agent, ago=after)
    assert metrics(world, f"agents/{agent.pk}/metrics", since="-4h", until="-2h")["calls"] == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"since": "soon"}, "since"),
        ({"until": "soon"}, "until"),
        ({"since": "-1h", "until": "-2h"}, "since"),
        ({"since": "1999-01-01"}, "since"),
        ({"since": "2000-01-01", "until": "2010-01-01"}, "since"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_by_name(world, agent, params, field):
    answer = world.api("vera").get(f"/api/v1/agents/{agent.pk}/metrics", params)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_tool_says_which_workflows_and_agents_called_it(world, agent, tool, run):
    call(run, tool=tool, caller=agent)
    call(run, tool=tool)
    call(run, tool=tool, outcome="bad_output")
    found = metrics(world, f"tools/{tool.pk}/usage")
    assert [(one["name"], one["calls"], one["failed"]) for one in found["workflows"]] == [("nightly", 3, 1)]
    assert [(one["name"], one["calls"]) for one in found["agents"]] == [("worker", 1)]


def test_others_see_nothing_of_it(world, agent, tool):
    api = world.api("mallory")
    for path in (f"agents/{agent.pk}/metrics", f"agents/{agent.pk}/runs", f"tools/{tool.pk}/usage"):
        assert api.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("many", [2_000, 1])
def test_its_runs_are_those_it_was_called_in_chosen_for_or_waits_for(world, agent, run, monkeypatch, many):
    monkeypatch.setattr(queries, "MANY_CALLS", many)
    call(run, agent=agent, ago=timedelta(seconds=-1))
    call(run, agent=agent, ago=timedelta(seconds=-2))
    chosen = make_run(run.workflow, agent=agent)
    waiting = make_run(
        run.workflow, "running", open_steps=1, people_steps=1, pins={"agents": {"worker": 1}, "tools": {}}
    )
    StepRun.objects.create(run=waiting, key="only", position=0, uses="noop", state="needs_review", waits_for="review")
    make_run(run.workflow)
    found = metrics(world, f"agents/{agent.pk}/runs")
    assert {one["id"] for one in found["results"]} == {run.pk, chosen.pk, waiting.pk}


def test_the_page_shows_charts_groups_failures_and_runs(world, agent, run):
    call(run, agent=agent, outcome="rate_limited", cost_usd="0.5", input_tokens=7)
    page = world.client("vera").get(f"/p/acme/agents/{agent.pk}/usage?since=-24h").content.decode()
    for text in ("Last 24 hours", "usage-latencies", "usage-costs", "usage-tokens", "rate_limited", "nightly"):
        assert text in page
    assert f"/p/acme/runs/{run.pk}/" in page


def test_the_time_is_chosen_as_in_every_list(world, agent, run):
    client = world.client("vera")
    here = f"/p/acme/agents/{agent.pk}/usage"
    page = client.get(f"{here}?since=start_of(month)-1mo&until=start_of(month)").content.decode()
    assert '<h2 class="card-title" id="usage-title">Last month</h2>' in page
    assert f'href="{here}?since=start_of%28month%29-1mo&amp;until=start_of%28month%29"' in page
    assert 'name="until" value="start_of(month)"' in page
    custom = client.get(f"{here}?since=2026-01-01&until=2026-01-02").content.decode()
    assert "01 Jan 2026 00:00 to 02 Jan 2026 23:59" in custom
    assert client.get(f"{here}?since=soon").status_code == 400


def test_the_detail_page_fetches_the_figures(world, tool):
    client = world.client("vera")
    assert f'hx-get="/p/acme/tools/{tool.pk}/usage"' in client.get(f"/p/acme/tools/{tool.pk}/").content.decode()
    part = client.get(f"/p/acme/tools/{tool.pk}/usage", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section id="usage"')


@pytest.mark.parametrize("kind", ["agents", "tools"])
def test_the_page_asks_few_questions(world, agent, tool, run, kind, django_assert_max_num_queries):
    subject = {"agents": agent, "tools": tool}[kind]
    call(run, **{kind.rstrip("s"): subject})
    client = world.client("vera")
    client.get(f"/p/acme/{kind}/{subject.pk}/usage")
    with django_assert_max_num_queries(11):
        client.get(f"/p/acme/{kind}/{subject.pk}/usage")
