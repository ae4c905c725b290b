"""For the same rows every page, file and endpoint says the same number for the same measure."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.actions import create_agent, create_tool
from controlplane.ui.formats import duration_text, money_text, number_text, percent_text
from runs.models import RUN_FINAL, Call, Run, RunState
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db
ECHO = {"kind": "function", "config": {"function": "text-embed"}}
ENDED = st.fixed_dictionaries(
    {
        "state": st.sampled_from(RUN_FINAL),
        "trigger": st.sampled_from(["manual", "api", "workflow", "test"]),
        "ago": st.integers(1, 30 * 3600),
        "seconds": st.integers(0, 5000),
        "cost_usd": st.decimals(0, 3, places=6),
    }
)
# A call ends as a run does, without the halves.
CALLED = {"succeeded": "succeeded", "cancelled": "cancelled", "timed_out": "timeout"}


@pytest.fixture
def asked(world):
    """What everything is asked about, and how: answers by name."""
    workflow = make_workflow(world.acme)
    agent = create_agent(world.acme, name="worker", by=world.actor("erin"), **ECHO)
    tool = create_tool(world.acme, name="search", by=world.actor("erin"), **ECHO)
    return workflow, agent, tool


def make(workflow, agent, tool, rows) -> list[Run]:
    """A run for each row, and a call of the agent and of the tool that ended with it and as it did."""
    made = []
    for row in rows:
        ended = timezone.now() - timedelta(seconds=row["ago"])
        began = ended - timedelta(seconds=row["seconds"])
        times = {"created_at": began, "started_at": began, "ended_at": ended}
        made.append(make_run(workflow, row["state"], trigger=row["trigger"], cost_usd=row["cost_usd"], **times))
        call = {
            "run": made[-1], "workflow": workflow, "ended_at": ended, "duration_ms": row["seconds"] * 1000,
            "outcome": CALLED.get(row["state"], "refused"), "cost_usd": row["cost_usd"],
            "is_test": row["trigger"] == "test",
        }  # fmt: skip
        Call.objects.bulk_create([Call(agent=agent, **call), Call(tool=tool, **call)])
    return made


def tiles(page: str) -> dict[str, str]:
    found = re.findall(
        r'stat-tile__label">(?:<svg.*?</svg>)?(.*?)</span>\s*<div class="stat-tile__value">(.*?)</div>', page
    )
    return {label.strip(): value.strip() for label, value in found}


def added_up(buckets: list[dict], name: str) -> Decimal:
    return sum((Decimal(str(bucket.get(name, 0))) for bucket in buckets), Decimal(0))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ENDED, max_size=12))
def test_everything_agrees(world, asked, rows):
    Run.objects.all().delete()
    make(*asked, rows)
    workflow, agent, tool = asked
    api, client = world.api("vera"), world.client("vera")
    overview = api.get("/api/v1/overview?project=acme&window=24h").json()
    figures = api.get(f"/api/v1/workflows/{workflow.pk}/figures?window=24h").json()
    span = f"since={figures['since']}"
    of_agent = api.get(f"/api/v1/agents/{agent.pk}/metrics?{span}").json()
    of_tool = api.get(f"/api/v1/tools/{tool.pk}/usage?{span}").json()
    # The truth, row by row.
    since = datetime.fromisoformat(figures["since"])
    counted = [run for run in Run.objects.exclude(trigger="test") if run.ended_at >= since]
    states = dict(Counter(run.state for run in counted))
    by_themselves = [run for run in counted if run.state != RunState.CANCELLED]
    rate = states.get("succeeded", 0) / len(by_themselves) if by_themselves else None
    middle = round(median(run.duration_ms for run in by_themselves)) if by_themselves else None
    cost = sum((run.cost_usd for run in counted), Decimal(0))

    assert overview["ended"] == figures["ended"] == states
    assert overview["since"] == figures["since"]
    assert figures["runs"] == of_agent["calls"] == of_tool["calls"] == len(counted)
    assert (
        overview["success_rate"]
        == figures["success_rate"]
        == of_agent["success_rate"]
        == of_tool["success_rate"]
        == rate
    )
    assert overview["median_duration_ms"] == figures["median_duration_ms"] == of_agent["latency_ms"]["p50"] == middle
    assert of_tool["latency_ms"]["p50"] == middle
    assert Decimal(figures["cost_usd"]) == Decimal(of_agent["cost_usd"]) == Decimal(of_tool["cost_usd"]) == cost
    assert of_agent["cancelled"] == of_tool["cancelled"] == states.get("cancelled", 0)

    for said in (figures, of_agent, of_tool):
        assert added_up(said["buckets"], "cost_usd") == cost
    assert added_up(figures["buckets"], "runs") == added_up(of_agent["buckets"], "calls") == len(counted)
    for state in RUN_FINAL:
        assert added_up(overview["buckets"], state) == states.get(state, 0)

    front = tiles(client.get("/p/acme/?window=24h").content.decode()) if rows else {}
    page = tiles(client.get(f"/p/acme/workflows/{workflow.pk}/figures?window=24h").content.decode())
    used = tiles(client.get(f"/p/acme/agents/{agent.pk}/usage?{span}").content.decode())
    failed = states.get("failed", 0) + states.get("timed_out", 0)
    assert page["Success"] == used["Success"] == front.get("Success", page["Success"]) == percent_text(rate)
    assert page["Median duration"] == used["Median latency"] == duration_text(middle)
    assert front.get("Median duration", duration_text(middle)) == duration_text(middle)
    assert page["Cost"] == used["Cost"] == money_text(cost)
    assert (page["Ended"], used["Calls"]) == (number_text(len(counted)), number_text(len(counted)))
    assert front.get("Failed", number_text(failed)) == number_text(failed)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ENDED, max_size=12), tests=st.sampled_from(["", "&tests=include"]))
def test_a_file_adds_up_to_what_the_page_says(world, asked, rows, tests):
    Run.objects.all().delete()
    make(*asked, rows)
    workflow, agent, tool = asked
    api = world.api("vera")
    for path, count, span in (
        (f"workflows/{workflow.pk}/figures", "runs", "window=7d"),
        (f"agents/{agent.pk}/metrics", "calls", "since=-40h"),
        (f"tools/{tool.pk}/usage", "calls", "since=-40h"),
    ):
        said = api.get(f"/api/v1/{path}?{span}{tests}").json()
        file = api.get(f"/api/v1/{path}.csv?{span}{tests}")
        assert (file.status_code, file["Content-Type"]) == (200, "text/csv; charset=utf-8")
        lines = list(csv.DictReader(io.StringIO(file.content.decode())))
        assert len(lines) == len(said["buckets"])
        wanted = len([row for row in rows if tests or row["trigger"] != "test"])
        assert added_up(lines, count) == said[count] == wanted
        assert added_up(lines, "cost_usd") == Decimal(said["cost_usd"])
        assert [line["end"] for line in lines[:-1]] == [line["start"] for line in lines[1:]]


def test_test_runs_are_counted_only_for_those_who_ask(world, asked):
    workflow, agent, tool = asked
    make(*asked, [{"state": "failed", "trigger": "test", "ago": 60, "seconds": 1, "cost_usd": Decimal("0.5")}])
    api, client = world.api("vera"), world.client("vera")
    for path, count in ((f"workflows/{workflow.pk}/figures", "runs"), (f"agents/{agent.pk}/metrics", "calls")):
        assert api.get(f"/api/v1/{path}").json()[count] == 0
        assert api.get(f"/api/v1/{path}?tests=include").json()[count] == 1
        assert api.get(f"/api/v1/{path}?tests=yes").status_code == 400
    assert api.get("/api/v1/overview?project=acme").json()["ended"] == {}
    for path in (f"workflows/{workflow.pk}/figures", f"tools/{tool.pk}/usage"):
        page = client.get(f"/p/acme/{path}?tests=include").content.decode()
        assert "With test runs<" in page
        assert "$0.50" in page
        assert "$0.50" not in client.get(f"/p/acme/{path}").content.decode()


def test_partial_success_is_a_colour_of_its_own_and_no_success(world, asked):
    rows = [{"state": state, "trigger": "api", "ago": 60, "seconds": 1, "cost_usd": 0} for state in RUN_FINAL]
    make(*asked, rows)
    said = world.api("vera").get(f"/api/v1/workflows/{asked[0].pk}/figures").json()
    assert said["success_rate"] == 0.25
    assert said["ended"] == dict.fromkeys(map(str, RUN_FINAL), 1)


def test_what_a_run_cost_is_told_with_and_without_the_runs_that_it_started(world, asked):
    make_run(asked[0], cost_usd="0.75", children_cost_usd="0.5")
    make_run(asked[0], cost_usd="0.5")
    said = world.api("vera").get(f"/api/v1/workflows/{asked[0].pk}/figures").json()
    assert (said["cost_usd"], said["own_cost_usd"]) == ("1.250000", "0.750000")
    assert added_up(said["buckets"], "own_cost_usd") == Decimal("0.75")
