"""Narrowing the list of runs by why they failed, who started them and which agent worked in them."""

from __future__ import annotations

import csv
import io

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from agents.models import Agent
from controlplane.projects.models import Member
from runs import queries
from runs.list import filters
from runs.models import Call, Run
from tests.agents.catalogue import make_agent
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = {"type": "connection", "step": "load", "message": "db-7.example.com refused\nthe connection, code=1_042"}
LATE = {"type": "timeout", "message": "The step's 20 seconds passed."}


@pytest.fixture
def runs(world) -> dict[int, str]:
    """Id -> name: one that was refused, one that was late, one that went well, and one of another project."""
    workflow = make_workflow(world.acme)
    mine = {
        make_run(workflow, "failed", error=REFUSED, created_by="nightly, eu").pk: "refused",
        make_run(workflow, "timed_out", error=LATE, created_by="bob").pk: "late",
        make_run(workflow, "succeeded", created_by="bob").pk: "well",
    }
    theirs = make_run(make_workflow(world.globex), "failed", error=REFUSED, created_by="bob").pk
    return {**mine, theirs: "theirs"}


NARROWED = [
    ("error_type=timeout", {"late"}),
    ("error_type=timeout,connection", {"late", "refused"}),
    ("error_type=unknown", set()),
    ("error=refused", {"refused"}),
    ("error=CONNECTION+refus", {"refused"}),
    ("error=example.com", {"refused"}),
    ("error=db-7", {"refused"}),
    ("error=1_042", {"refused"}),
    ("error=seconds+refused", set()),
    ("error='%3A*+%26+!", set()),
    ("error_type=timeout&error=refused", set()),
    ("created_by=bob", {"late", "well"}),
    ("created_by=nightly,+eu", {"refused"}),
    ("created_by=bo", set()),
]


@pytest.mark.parametrize("few", [1_000, 0])
@pytest.mark.parametrize(("query", "names"), NARROWED)
def test_api_page_and_csv_are_narrowed_alike(world, runs, monkeypatch, few, query, names):
    monkeypatch.setattr(filters, "FEW", few)
    api = world.api("vera")
    assert {runs[run["id"]] for run in api.get(f"/api/v1/runs?{query}").json()["results"]} == names
    assert {runs[int(row["id"])] for row in rows_of(api.get(f"/api/v1/runs.csv?{query}"))} == names
    page = world.client("vera").get(f"/p/acme/runs/?{query}").content.decode()
    assert {name for pk, name in runs.items() if f"/runs/{pk}/" in page} == names


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


def test_the_csv_holds_the_whole_message(world, runs):
    rows = {runs[int(row["id"])]: row for row in rows_of(world.api("vera").get("/api/v1/runs.csv"))}
    assert (rows["refused"]["error_type"], rows["refused"]["error"]) == ("connection", REFUSED["message"])
    assert (rows["well"]["error_type"], rows["well"]["error"]) == ("", "")


def test_why_they_failed_is_seen_where_failed_ones_are(world, runs):
    client = world.client("vera")
    long = {"type": "x", "message": "It broke. " * 50}
    make_run(make_workflow(world.acme, "long"), "failed", error=long)
    assert "refused the connection" not in client.get("/p/acme/runs/").content.decode()
    failed = client.get("/p/acme/runs/?status=failed,timed_out").content.decode()
    assert "db-7.example.com refused the connection, code=1_042</td>" in failed
    assert f'<span title="{long["message"]}">{long["message"][:119]}…</span>' in failed
    chosen = client.get("/p/acme/runs/?status=failed,timed_out&columns=id,error_type").content.decode()
    assert "connection</td>" in chosen
    assert "refused the connection" not in chosen
    exported = rows_of(client.get("/p/acme/runs/?status=failed,timed_out&export=csv"))
    assert LATE["message"] in {row["error"] for row in exported}


@pytest.mark.parametrize("many", [2_000, 0])
def test_an_agent_finds_the_runs_it_worked_in(world, monkeypatch, many):
    monkeypatch.setattr(queries, "MANY_CALLS", many)
    agent, workflow = make_agent(world, "triager"), make_workflow(world.acme)
    Agent.objects.create(project=world.globex, name="triager", kind="llm")
    Member.objects.create(project=world.globex, user=world.bob, role="viewer")
    chosen, called, pinned, ended = (
        make_run(workflow, "succeeded", agent=agent),
        make_run(workflow, "succeeded"),
        make_run(workflow, "running", pins={"agents": {"triager": 1}}),
        make_run(workflow, "succeeded", pins={"agents": {"triager": 1}}),
    )
    elsewhere = make_run(make_workflow(world.globex), "running", pins={"agents": {"triager": 1}})
    call = {"agent": agent, "workflow": workflow, "outcome": "succeeded", "duration_ms": 5}
    Call.objects.create(run=called, ended_at=timezone.now(), **call)
    client = APIClient()
    client.force_login(world.bob)
    found = {run["id"] for run in client.get(f"/api/v1/runs?agent={agent.pk}").json()["results"]}
    assert found == {chosen.pk, called.pk, pinned.pk}
    assert not found & {ended.pk, elsewhere.pk}
    assert Run.objects.count() == 5
