"""Versions of tools and agents: compared, and put in force again."""

from __future__ import annotations

import pytest

from agents.actions import create_tool, update_tool
from agents.models import Revision

pytestmark = pytest.mark.django_db


@pytest.fixture
def tool(world):
    erin = world.actor("erin")
    given = {"kind": "function", "config": {"function": "text-embed"}}
    tool = create_tool(world.acme, name="embed", description="First", timeout_seconds=30, by=erin, **given)
    return update_tool(tool, description="Second", timeout_seconds=60, by=erin)


def test_the_diff_names_what_changed(world, tool):
    found = world.api("vera").get(f"/api/v1/tools/{tool.pk}/diff").json()
    assert (found["from"], found["to"]) == (1, 2)
    assert {(one["path"], one["old"], one["new"]) for one in found["changes"]} == {
        ("description", "First", "Second"),
        ("timeout_seconds", 30, 60),
    }


def test_any_two_can_be_compared_either_way(world, tool):
    found = world.api("vera").get(f"/api/v1/tools/{tool.pk}/diff", {"from": "current", "to": "1"}).json()
    assert ("description", "Second", "First") in {(one["path"], one["old"], one["new"]) for one in found["changes"]}


@pytest.mark.parametrize("number", ["0", "3", "99999999999", "0" * 5_000, "x", "٣"])
def test_a_version_that_is_not_there_is_not_found(world, tool, number):
    assert world.api("vera").get(f"/api/v1/tools/{tool.pk}/diff", {"from": number}).status_code == 404
    assert world.client("vera").get(f"/p/acme/tools/{tool.pk}/versions", {"to": number}).status_code == 404


def test_restoring_makes_the_next_version_of_the_old_configuration(world, tool):
    answer = world.api("erin").post(f"/api/v1/tools/{tool.pk}/versions/1/restore")
    assert (answer.status_code, answer.json()["number"]) == (200, 3)
    tool.refresh_from_db()
    assert (tool.description, tool.timeout_seconds, tool.version_no) == ("First", 30, 3)
    first, third = (Revision.objects.get(tool=tool, number=number).snapshot for number in (1, 3))
    assert first == third


def test_the_name_stays_when_an_old_version_comes_back(world, tool):
    update_tool(tool, name="renamed", by=world.actor("erin"))
    world.api("erin").post(f"/api/v1/tools/{tool.pk}/versions/1/restore")
    tool.refresh_from_db()
    assert (tool.name, tool.description) == ("renamed", "First")


def test_the_version_in_force_cannot_be_restored(world, tool):
    answer = world.api("erin").post(f"/api/v1/tools/{tool.pk}/versions/2/restore")
    assert answer.status_code == 409
    assert "in force" in answer.json()["detail"]


def test_the_page_shows_both_and_restores(world, tool):
    client = world.client("erin")
    page = client.get(f"/p/acme/tools/{tool.pk}/versions").content.decode()
    assert "First" in page
    assert "Restore version 1" in page
    answer = client.post(f"/p/acme/tools/{tool.pk}/restoration", {"version": "1"})
    assert answer.status_code == 302
    tool.refresh_from_db()
    assert tool.version_no == 3


def test_viewers_compare_but_do_not_restore(world, tool):
    page = world.client("vera").get(f"/p/acme/tools/{tool.pk}/versions").content.decode()
    assert "Restore version" not in page


def test_the_list_of_versions_is_paged(world, tool):
    found = world.api("vera").get(f"/api/v1/tools/{tool.pk}/versions", {"limit": 1}).json()
    assert [one["number"] for one in found["results"]] == [1]
    assert found["next"]
