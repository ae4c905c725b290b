from __future__ import annotations

import re

import pytest

from tests.workflows.texts import GOOD, INVALID, OTHER, UNREADABLE
from tests.world import make_run, make_workflow
from workflows.actions import archive_workflow, create_workflow, release_draft, save_draft
from workflows.models import Version, Workflow
from workflows.queries import STARTING_TEXT

pytestmark = pytest.mark.django_db
ROOT = "/p/acme/workflows/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def erin(world):
    return world.client("erin")


@pytest.fixture
def nightly(world) -> Workflow:
    by = world.actor("erin")
    made = create_workflow(world.acme, name="nightly", description="Counts it", tags=["etl"], text=GOOD, by=by)
    release_draft(made, note="First", by=by)
    return made


def at(workflow: Workflow, path: str = "") -> str:
    return f"{ROOT}{workflow.pk}/{path}"


def messages_of(client, path: str) -> str:
    return client.get(path).content.decode()


def test_the_list_shows_what_matters(world, erin, nightly):
    make_run(nightly, "failed")
    page = erin.get(ROOT).content.decode()
    assert f'href="{at(nightly)}"' in page
    assert "v1" in page
    assert "Failed" in page
    assert "Counts it" in page
    assert "New workflow" in page
    assert "New workflow" not in world.client("vera").get(ROOT).content.decode()


def test_an_empty_list_offers_the_next_step(erin):
    assert f'href="{ROOT}new"' in erin.get(ROOT).content.decode()


def test_many_are_archived_at_once(erin, nightly):
    answer = erin.post(ROOT, {"action": "archive_workflow", "selected": [nightly.pk]})
    assert answer.status_code == 302
    assert Workflow.objects.get().state == "archived"


@pytest.mark.django_db(transaction=True)
def test_the_list_is_exported(erin, nightly):
    columns = "columns=name&columns=state&columns=version&columns=last_run&columns=tags"
    text = b"".join(erin.get(f"{ROOT}?export=csv&{columns}")).decode()
    assert text.splitlines()[0] == "name,state,version,tags,last_run"
    assert text.splitlines()[1].startswith("nightly,released,1,")


def test_the_page_of_a_workflow_shows_steps_parameters_and_versions(erin, nightly):
    page = erin.get(at(nightly)).content.decode()
    assert page.count('class="step-graph__step"') == 2
    assert page.count('class="step-graph__line"') == 1
    assert "after" not in re.search(r"<table.*?</table>", page, re.DOTALL)[0]
    assert "days" in page
    assert "Version 1" in page
    assert "First" in page
    assert f"/p/acme/runs/new?workflow={nightly.pk}" in page
    assert f"/p/acme/runs/?workflow={nightly.pk}" in page


def test_a_workflow_made_without_text_still_shows(world, erin):
    assert erin.get(at(make_workflow(world.acme))).status_code == 200


@pytest.mark.parametrize(("text", "field", "line"), INVALID.values(), ids=INVALID)
def test_an_invalid_draft_shows_everywhere(world, erin, nightly, text, field, line):
    save_draft(nightly, text=text, by=world.actor("erin"))
    for path in ("", "draft", "draft/release", "diff", "versions/", "versions/2/"):
        assert erin.get(at(nightly, path)).status_code == 200, path
    assert "cannot be released yet" in erin.get(at(nightly)).content.decode()


ODD = {
    "keys that are no text": "steps:\n- {key: [1]}\n- {key: {a: 1}}\n- {key: 3}\n",
    "the same key twice": "steps:\n- {key: a}\n- {key: a}\n",
    "steps that are none": "steps: 3\n",
    "a step that is none": "steps: [1, null, []]\n",
    "odd parts": "steps:\n- {key: a, uses: 3, needs: 4, retry: 5, when: {}, foreach: 1, max_parallel: [], with: 7}\n",
    "odd parameters": "params: {properties: {a: 1, b: {type: [x], enum: 3, default: {}}}, required: 5}\n",
    "params that are none": "params: [1]\noutputs: 3\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_an_odd_draft_breaks_no_page(world, erin, nightly, text):
    save_draft(nightly, text=text, by=world.actor("erin"))
    for path in ("", "draft", "draft/release", "diff", "versions/", "versions/2/"):
        assert erin.get(at(nightly, path)).status_code == 200, path
    assert erin.post(f"{ROOT}outline", {"text": text}).status_code == 200


def test_buttons_follow_state_and_role(world, erin, nightly):
    vera, bob = world.client("vera"), world.client("bob")
    assert "Start run" not in vera.get(at(nightly)).content.decode()
    assert "Start run" in bob.get(at(nightly)).content.decode()
    assert at(nightly, "draft") not in bob.get(at(nightly)).content.decode()
    assert at(nightly, "deletion") not in erin.get(at(nightly)).content.decode()
    assert at(nightly, "deletion") in world.client("alice").get(at(nightly)).content.decode()
    archive_workflow(nightly, by=world.actor("erin"))
    page = erin.get(at(nightly)).content.decode()
    assert "Start run" not in page
    assert at(nightly, "unarchive") in page


def test_a_new_workflow_starts_with_a_valid_text(world, erin):
    page = erin.get(f"{ROOT}new").content.decode()
    assert "No steps yet" not in page
    answer = erin.post(f"{ROOT}new", {"name": "fresh", "tags": "a, b", "text": STARTING_TEXT.replace("\n", "\r\n")})
    made = Workflow.objects.get()
    assert answer["Location"] == at(made, "draft")
    assert (made.tags, made.find_draft().text) == (["a", "b"], STARTING_TEXT)
    release_draft(made, by=world.actor("erin"))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "No Name", "text": GOOD}, "Use lower-case letters"),
        ({"name": "nightly", "text": GOOD}, "already"),
        ({"name": "", "text": GOOD}, "This field is required"),
        ({"name": "fresh", "text": ""}, "This field is required"),
        ({"name": "fresh", "text": "steps: ["}, "Line 2, column 1"),
        ({"name": "fresh", "text": GOOD, "tags": "x" * 51}, "at most 50 characters"),
    ],
)
def test_a_refused_new_workflow_keeps_what_was_typed(erin, nightly, sent, said):
    answer = erin.post(f"{ROOT}new", {"description": "Typed", **sent})
    assert answer.status_code in (400, 409, 422)
    assert said in answer.content.decode()
    assert "Typed" in answer.content.decode()
    assert Workflow.objects.count() == 1


def test_the_editor_opens_with_the_released_text_and_saves_a_draft(erin, nightly):
    page = erin.get(at(nightly, "draft")).content.decode()
    assert "${{ params.days }}" in page
    assert 'name="edits" value="1"' in page
    answer = erin.post(at(nightly, "draft"), {"text": OTHER, "edits": 1})
    assert answer["Location"] == at(nightly, "draft")
    assert nightly.find_draft().text == OTHER


def test_it_saves_without_leaving_the_page(erin, nightly):
    answer = erin.post(at(nightly, "draft"), {"text": OTHER, "edits": 1}, headers=HTMX)
    assert answer.status_code == 200
    assert 'id="draft-state"' in answer.content.decode()
    assert 'name="edits" value="2"' in answer.content.decode()
    assert "The draft is saved." in answer["HX-Trigger"]
    assert erin.post(at(nightly, "draft"), {"text": GOOD, "edits": 2}, headers=HTMX).status_code == 200


def test_it_saves_and_releases_with_a_note(erin, nightly):
    sent = {"text": OTHER, "edits": 1, "then": "release", "note": "Two weeks"}
    assert erin.post(at(nightly, "draft"), sent, headers=HTMX)["HX-Redirect"] == at(nightly)
    assert (Workflow.objects.get().current.number, Version.objects.get(number=2).note) == (2, "Two weeks")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "partial"])
def test_an_invalid_draft_is_saved_but_not_released(erin, nightly, headers):
    text = INVALID["cycle"][0]
    answer = erin.post(at(nightly, "draft"), {"text": text, "edits": 1, "then": "release"}, headers=headers)
    said = answer.content.decode() if headers else messages_of(erin, at(nightly, "draft"))
    assert "in a circle" in said
    assert nightly.find_draft().text == text
    assert Workflow.objects.get().current.number == 1


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "partial"])
def test_unreadable_text_is_not_saved_but_stays_in_the_page(erin, nightly, text, headers):
    text = text.encode("utf-8", "replace").decode()
    answer = erin.post(at(nightly, "draft"), {"text": text, "edits": 1}, headers=headers)
    assert 400 <= answer.status_code < 500
    assert nightly.find_draft() is None
    assert 'name="edits" value="1"' in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "partial"])
def test_a_second_editor_is_told_and_may_overwrite(world, erin, nightly, headers):
    save_draft(nightly, text=OTHER, by=world.actor("alice"))
    mine = GOOD + "# mine\n"
    answer = erin.post(at(nightly, "draft"), {"text": mine, "edits": 1}, headers=headers)
    page = answer.content.decode()
    assert answer.status_code == (422 if headers else 409)
    assert "alice saved this draft at" in page
    assert 'name="overwrite" value="2"' in page
    assert nightly.find_draft().text == OTHER
    assert headers or "# mine" in page
    erin.post(at(nightly, "draft"), {"text": mine, "edits": 1, "overwrite": 2}, headers=headers)
    assert nightly.find_draft().text == mine


def test_it_checks_while_one_types(erin, nightly):
    text, field, line = INVALID["cycle"]
    errors = erin.post(f"{ROOT}check", {"text": text, "language": "yaml"}).json()["errors"]
    assert (field, line) in [(error["field"], error["line"]) for error in errors]
    assert erin.post(f"{ROOT}check", {"text": GOOD}).json() == {"errors": []}
    text = "steps: [{key: a, uses: 'workflow:nightly'}]"
    assert erin.post(f"{ROOT}check?workflow={nightly.pk}", {"text": text}).json()["errors"][0]["code"] == "circle"


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_checking_survives_anything(erin, text):
    text = text.encode("utf-8", "replace").decode()
    assert erin.post(f"{ROOT}check", {"text": text}).json()["errors"]
    assert erin.post(f"{ROOT}outline", {"text": text}).status_code == 204
    assert erin.post(f"{ROOT}check?workflow=x", {"text": GOOD}).status_code == 200
    assert erin.post(f"{ROOT}check", {}).json()["errors"]


def test_the_outline_follows_the_text(erin):
    page = erin.post(f"{ROOT}outline", {"text": GOOD}).content.decode()
    assert page.count('class="outline__step"') == 2
    assert 'data-go-to-line="6"' in page


def test_the_release_page_shows_what_changes_and_releases(world, erin, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    page = erin.get(at(nightly, "draft/release")).content.decode()
    assert "params.properties.days.default" in page
    assert erin.post(at(nightly, "draft/release"), {"note": "Two", "edits": 2})["Location"] == at(nightly)
    assert Workflow.objects.get().current.number == 2


def test_the_release_page_refuses_what_was_saved_since(world, erin, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("alice"))
    answer = erin.post(at(nightly, "draft/release"), {"note": "", "edits": 1})
    assert answer.status_code == 409
    assert "alice saved this draft" in answer.content.decode()
    assert 'name="edits" value="2"' in answer.content.decode()
    assert erin.post(at(nightly, "draft/release"), {"note": "x" * 501, "edits": 2}).status_code == 422


def test_without_a_draft_there_is_nothing_to_release_or_discard(erin, nightly):
    assert erin.get(at(nightly, "draft/release")).status_code == 404
    assert erin.post(at(nightly, "draft/discard")).status_code == 409


def test_a_draft_is_discarded_and_an_old_version_restored(world, erin, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    assert erin.post(at(nightly, "draft/discard"))["Location"] == at(nightly)
    assert erin.post(at(nightly, "versions/1/restoration"))["Location"] == at(nightly, "draft")
    assert nightly.find_draft().text == GOOD


def test_any_two_versions_are_compared(world, erin, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    page = erin.get(at(nightly, "diff?from=1&to=draft")).content.decode()
    assert "diff__side--removed" in page
    assert "diff__side--added" in page
    assert erin.get(at(nightly, "diff?from=2&to=2")).status_code == 200
    assert erin.get(at(nightly, "diff?from=9")).status_code == 404
    assert erin.get(at(nightly, "diff?from=%00&to=x")).status_code == 404


def test_a_version_shows_its_text_and_note(erin, nightly):
    page = erin.get(at(nightly, "versions/1/")).content.decode()
    assert "${{ params.days }}" in page
    assert "First" in page
    assert erin.get(at(nightly, "versions/2/")).status_code == 404


def test_name_and_tags_change(erin, nightly):
    assert 'value="etl"' in erin.get(at(nightly, "details")).content.decode()
    erin.post(at(nightly, "details"), {"name": "daily", "description": "", "tags": "a,b,"})
    row = Workflow.objects.get()
    assert (row.name, row.description, row.tags) == ("daily", "", ["a", "b"])
    assert erin.post(at(nightly, "details"), {"name": "Bad Name"}).status_code == 400


def test_it_is_duplicated(erin, nightly):
    assert "nightly-copy" in erin.get(at(nightly, "copy")).content.decode()
    erin.post(at(nightly, "copy"), {"name": "nightly-copy"})
    assert Workflow.objects.filter(name="nightly-copy").exists()
    assert erin.post(at(nightly, "copy"), {"name": "nightly"}).status_code == 409


def test_it_is_archived_and_comes_back(erin, nightly):
    erin.post(at(nightly, "archive"))
    assert Workflow.objects.get().state == "archived"
    erin.post(at(nightly, "unarchive"))
    assert Workflow.objects.get().state == "released"


def test_deleting_says_how_many_runs_go_too(world, nightly):
    alice = world.client("alice")
    make_run(nightly)
    assert "1 run" in alice.get(at(nightly, "deletion")).content.decode()
    assert alice.post(at(nightly, "deletion"), {"confirm": ""}).status_code == 409
    assert alice.post(at(nightly, "deletion"), {"confirm": "nightly"})["Location"] == ROOT
    assert not Workflow.objects.exists()


PAGES = ["", "details", "copy", "deletion", "draft", "draft/release", "versions/", "versions/1/", "diff"]
POSTS = [
    "details",
    "copy",
    "deletion",
    "draft",
    "draft/release",
    "draft/discard",
    "archive",
    "unarchive",
    "versions/1/restoration",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_others_are_not_found(world, nightly, path):
    mallory = world.client("mallory")
    assert mallory.get(at(nightly, path)).status_code == 404
    assert mallory.get(f"/p/globex/workflows/{nightly.pk}/{path}").status_code == 404
    assert world.client().get(at(nightly, path)).status_code == 302


@pytest.mark.parametrize("path", POSTS)
def test_a_viewer_posts_nothing(world, nightly, path):
    sent = {"name": "x", "text": OTHER, "edits": 1, "confirm": "nightly"}
    assert world.client("vera").post(at(nightly, path), sent).status_code == 403
    assert world.client("mallory").post(at(nightly, path), sent).status_code == 404
    assert Workflow.objects.get().edits == 1


def test_a_viewer_creates_nothing(world):
    assert world.client("vera").get(f"{ROOT}new").status_code == 403
    assert world.client("vera").post(f"{ROOT}new", {"name": "x", "text": GOOD}).status_code == 403


def test_text_that_looks_like_markup_stays_text(world, erin, nightly):
    text = "steps:\n- key: a\n  uses: '<script>alert(1)</script>'\n  needs: ['<b>']\n"
    save_draft(nightly, text=text, by=world.actor("erin"))
    for path in ("", "draft", "draft/release", "diff", "versions/2/"):
        assert "<script>alert" not in erin.get(at(nightly, path)).content.decode()
