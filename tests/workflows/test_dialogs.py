"""A second editor is noticed and has a way out; what a deletion takes along is said before."""

from __future__ import annotations

import pytest

from agents.actions import create_tool, update_tool
from tests.workflows.texts import GOOD, OTHER, calling
from tests.world import make_run
from workflows.actions import add_tags, create_workflow, discard_draft, release_draft, save_draft, update_workflow
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
ROOT = "/p/acme/workflows/"
EMBED = {"kind": "function", "config": {"function": "text-embed"}}


@pytest.fixture
def nightly(world) -> Workflow:
    by = world.actor("erin")
    made = create_workflow(world.acme, name="nightly", description="Counts", text=GOOD, by=by)
    release_draft(made, by=by)
    return made


def at(workflow: Workflow, path: str = "") -> str:
    return f"{ROOT}{workflow.pk}/{path}"


def test_a_second_editor_of_the_details_is_told_who_was_faster_and_chooses(world, nightly):
    client, opened = world.client("erin"), nightly.edits
    assert f'name="edits" value="{opened}"' in client.get(at(nightly, "details")).content.decode()
    update_workflow(nightly, name="nightly", description="By alice", by=world.actor("alice"))
    mine = {"name": "nightly", "description": "Mine", "edits": opened}
    refused = client.post(at(nightly, "details"), mine)
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "alice changed this workflow" in page
    assert "Mine" in page
    assert f'name="overwrite" value="{opened + 1}"' in page
    assert page.count('name="overwrite"') == 1
    assert Workflow.objects.get().description == "By alice"
    assert client.post(at(nightly, "details"), {**mine, "overwrite": opened + 1}).status_code == 302
    assert Workflow.objects.get().description == "Mine"


def test_overwriting_overwrites_only_what_was_shown(world, nightly):
    update_workflow(nightly, name="nightly", description="Again by alice", by=world.actor("alice"))
    update_workflow(nightly, name="nightly", description="And again", by=world.actor("alice"))
    late = {"name": "nightly", "description": "Mine", "edits": 1, "overwrite": 2}
    assert world.client("erin").post(at(nightly, "details"), late).status_code == 409
    assert Workflow.objects.get().description == "And again"


def test_who_has_the_details_open_is_told_of_tags_that_came_meanwhile(world, nightly):
    opened = nightly.edits
    add_tags(nightly, tags=["etl"], by=world.actor("alice"))
    late = world.client("erin").post(at(nightly, "details"), {"name": "nightly", "edits": opened})
    assert late.status_code == 409
    assert "alice changed this workflow" in late.content.decode()
    assert Workflow.objects.get().tags == ["etl"]


def test_the_api_refuses_details_that_somebody_changed_since(world, nightly):
    api, url = world.api("erin"), f"/api/v1/workflows/{nightly.pk}"
    seen = api.get(url).json()["edits"]
    assert api.patch(url, {"description": "first", "edits": seen}).status_code == 200
    late = api.patch(url, {"description": "second", "edits": seen})
    assert (late.status_code, late.json()["code"]) == (409, "edited_meanwhile")
    both = api.patch(url, {"description": "both", "specification": OTHER, "edits": seen + 1})
    assert (both.status_code, both.json()["description"]) == (200, "both")


def test_a_draft_that_was_saved_since_is_not_thrown_away(world, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    client = world.client("erin")
    seen = f"draft/discard?edits={nightly.edits}"
    assert seen in client.get(at(nightly)).content.decode()
    save_draft(nightly, text=OTHER + "# more\n", by=world.actor("alice"))
    page = client.post(at(nightly, seen), follow=True).content.decode()
    assert "alice saved this draft" in page
    assert nightly.find_draft() is not None


def test_restoring_beside_a_draft_says_why_not_on_the_versions_page(world, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("alice"))
    client = world.client("erin")
    answer = client.post(at(nightly, "versions/1/restoration"), follow=True)
    assert answer.redirect_chain == [(at(nightly, "versions/1/"), 302)]
    assert "alice has a draft here" in answer.content.decode()
    discard_draft(nightly, by=world.actor("alice"))
    assert client.post(at(nightly, "versions/1/restoration"))["Location"] == at(nightly, "draft")


def test_deleting_says_what_goes_along_and_offers_to_archive(world, nightly):
    make_run(nightly)
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    page = world.client("alice").get(at(nightly, "deletion")).content.decode()
    assert "2 versions" in page
    assert "1 run" in page
    assert at(nightly, "archive") in page
    assert world.client("erin").get(at(nightly, "deletion")).status_code == 403


def test_what_keeps_it_from_being_deleted_is_said_before(world, nightly):
    parent = create_workflow(world.acme, name="parent", text=calling("nightly"), by=world.actor("erin"))
    make_run(nightly, "running")
    page = world.client("alice").get(at(nightly, "deletion")).content.decode()
    assert "has not ended" in page or "have not ended" in page
    assert f'href="{at(parent)}"' in page
    assert "disabled" in page


def test_a_second_editor_of_a_tool_has_the_same_way_out(world):
    tool = create_tool(world.acme, name="embed", by=world.actor("erin"), **EMBED)
    update_tool(tool, description="By alice", by=world.actor("alice"))
    client, url = world.client("erin"), f"/p/acme/tools/{tool.pk}/edit"
    mine = {"name": "embed", "description": "Mine", "timeout_seconds": 30, "function": "text-embed", "cost_usd": 0}
    refused = client.post(url, {**mine, "version_no": 1})
    assert refused.status_code == 409
    assert "alice saved version 2" in refused.content.decode()
    assert 'name="overwrite" value="2"' in refused.content.decode()
    assert client.post(url, {**mine, "version_no": 1, "overwrite": 2}).status_code == 302
    tool.refresh_from_db()
    assert (tool.description, tool.version_no) == ("Mine", 3)
