"""One search over everything, and the walls of projects hold in it."""

from __future__ import annotations

import pytest

from agents.actions import create_tool
from controlplane.projects.tenants.actors import SYSTEM
from runs.list import filters
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db


def found(world, text: str, who: str = "vera") -> list[tuple[str, str]]:
    answer = world.api(who).get("/api/v1/search", {"q": text})
    assert answer.status_code == 200
    return [(hit["kind"], hit["name"]) for hit in answer.json()["results"]]


def tool(project, name: str) -> None:
    create_tool(project, name=name, kind="function", config={"function": "text-embed"}, by=SYSTEM)


def test_definitions_are_found_by_a_part_of_their_name_in_any_case(world):
    make_workflow(world.acme, "nightly-load")
    tool(world.acme, "load-rows")
    assert found(world, "LOAD") == [("workflow", "nightly-load"), ("tool", "load-rows")]


def test_a_run_is_found_by_its_number_and_by_a_tag(world):
    run = make_run(make_workflow(world.acme), tags=["eu"])
    assert found(world, str(run.pk)) == [("run", f"Run {run.pk}")]
    assert found(world, f"#{run.pk}") == [("run", f"Run {run.pk}")]
    assert found(world, "eu") == [("run", f"Run {run.pk}")]


@pytest.mark.parametrize("few", [1_000, 1])
def test_the_newest_runs_with_a_tag_are_found_however_many_have_it(world, monkeypatch, few):
    monkeypatch.setattr(filters, "FEW", few)
    workflow = make_workflow(world.acme)
    runs = [make_run(workflow, tags=["eu"]) for _ in range(6)]
    assert found(world, "eu") == [("run", f"Run {run.pk}") for run in reversed(runs[1:])]


def test_nothing_of_another_project_is_found(world):
    theirs = make_run(make_workflow(world.globex, "secret-load"), tags=["load"])
    tool(world.globex, "load-their-rows")
    assert found(world, "load") == []
    assert found(world, str(theirs.pk)) == []
    assert len(found(world, "load", "mallory")) == 3


@pytest.mark.parametrize("text", ["", "\x00", "%", "_", "99999999999999999999999", "'; --"])
def test_odd_texts_find_nothing_and_break_nothing(world, text):
    make_workflow(world.acme, "nightly")
    assert found(world, text) == []


def test_the_page_offers_what_the_role_reaches(world):
    for who, offered in (("vera", False), ("erin", True)):
        html = world.client(who).get("/p/acme/search?q=new").content.decode()
        assert ("New workflow" in html) == offered
    html = world.client("vera").get("/p/acme/search?q=").content.decode()
    assert "API tokens" in html


def test_the_palette_gets_options_and_the_page_links(world):
    client = world.client("bob")
    assert 'role="option"' in client.get("/p/acme/search?q=runs", headers={"HX-Request": "true"}).content.decode()
    assert 'role="option"' not in client.get("/p/acme/search?q=runs").content.decode()


def test_it_asks_a_fixed_number_of_questions(world, django_assert_max_num_queries):
    for number in range(12):
        make_workflow(world.acme, f"load-{number}")
    client = world.client("vera")
    with django_assert_max_num_queries(10):
        client.get("/p/acme/search?q=load", headers={"HX-Request": "true"})
