"""A workflow that leaves as a document comes back as it was; what cannot come in is refused by field."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.workflows.texts import GOOD, OTHER
from workflows.actions import archive_workflow, create_workflow, release_draft, save_draft
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
API = "/api/v1/workflows"
ROOT = "/p/acme/workflows/"
COMMENTED = f"# Counts the days.\n{GOOD}"


@pytest.fixture
def nightly(world) -> Workflow:
    by = world.actor("erin")
    made = create_workflow(world.acme, name="nightly", description="Counts", tags=["etl"], text=COMMENTED, by=by)
    release_draft(made, note="First", by=by)
    return made


def exported(world, workflow: Workflow, query: str = "") -> dict:
    return world.api("vera").get(f"{API}/{workflow.pk}/export{query}").json()


def test_the_document_says_all_there_is_to_say(world, nightly):
    document = exported(world, nightly)
    assert document["format"] == "spark-ops/workflow/1"
    assert [document[name] for name in ("name", "description", "tags", "note")] == [
        "nightly",
        "Counts",
        ["etl"],
        "First",
    ]
    assert [step["key"] for step in document["specification"]["steps"]] == ["first", "second"]
    assert document["text"] == COMMENTED


def test_a_version_or_the_draft_can_be_chosen(world, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    assert exported(world, nightly)["text"] == COMMENTED
    assert exported(world, nightly, "?version=draft")["text"] == OTHER
    assert exported(world, nightly, "?version=2")["text"] == OTHER
    assert world.api("vera").get(f"{API}/{nightly.pk}/export?version=9").status_code == 404


def test_it_comes_into_another_project_as_it_was(world, nightly):
    answer = world.api("mallory").post(f"{API}/import", {"document": exported(world, nightly)})
    assert answer.status_code == 201
    made = Workflow.objects.get(project=world.globex)
    draft = made.find_draft()
    assert (made.name, made.description, made.tags, made.current) == ("nightly", "Counts", ["etl"], None)
    assert (draft.text, draft.note) == (COMMENTED, "First")
    release_draft(made, by=world.actor("mallory"))
    assert made.current.note == "First"


def test_what_it_uses_may_be_missing_there(world, nightly):
    save_draft(nightly, text="steps:\n- {key: a, uses: 'tool:gone'}\n", by=world.actor("erin"))
    sent = {"document": exported(world, nightly, "?version=draft"), "name": "other"}
    made = world.api("mallory").post(f"{API}/import", sent).json()
    assert made["name"] == "other"
    assert [error["field"] for error in made["draft"]["errors"]] == ["steps[0].uses"]


def test_the_same_key_imports_once(world, nightly):
    sent, erin = {"document": exported(world, nightly), "name": "twin"}, world.api("erin")
    both = [erin.post(f"{API}/import", sent, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
    assert both[0] == both[1]
    assert Workflow.objects.filter(name="twin").count() == 1


def test_it_becomes_the_draft_of_another_workflow(world, nightly):
    other = create_workflow(world.acme, name="other", description="Mine", text=OTHER, by=world.actor("erin"))
    sent = {"document": exported(world, nightly), "edits": 0}
    answer = world.api("erin").post(f"{API}/{other.pk}/draft/import", sent)
    assert (answer.status_code, answer.json()["edits"]) == (200, 1)
    other.refresh_from_db()
    assert (other.name, other.description, other.find_draft().text) == ("other", "Mine", COMMENTED)
    late = world.api("erin").post(f"{API}/{other.pk}/draft/import", sent)
    assert (late.status_code, late.json()["code"]) == (409, "edited_meanwhile")


BAD = {
    "another format": ({"format": "x/2"}, "document.format"),
    "an unknown field": ({"descripton": "x"}, "document.descripton"),
    "a name that is none": ({"name": 7}, "document.name"),
    "a name with blanks": ({"name": "No Name"}, "name"),
    "tags that are none": ({"tags": "a, b"}, "document.tags"),
    "a long note": ({"note": "x" * 501}, "note"),
    "a long description": ({"description": "x" * 10_001}, "description"),
    "a specification that is none": ({"specification": [1]}, "document.specification"),
    "two that differ": ({"specification": {"steps": []}}, "document.text"),
    "text that cannot be read": ({"specification": None, "text": "steps: ["}, ""),
    "no specification": ({"specification": None, "text": None}, "document.specification"),
}


@pytest.mark.parametrize(("change", "field"), BAD.values(), ids=BAD)
def test_it_refuses_by_field_and_makes_nothing(world, nightly, change, field):
    document = {**exported(world, nightly), "name": "new", **change}
    answer = world.api("erin").post(f"{API}/import", {"document": document})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert Workflow.objects.count() == 1


def test_of_very_many_faults_it_tells_the_first(world):
    answer = world.api("erin").post(f"{API}/import", {"document": {f"x{number}": 1 for number in range(500)}})
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 200)


def test_a_name_that_is_taken_is_refused(world, nightly):
    answer = world.api("erin").post(f"{API}/import", {"document": exported(world, nightly)})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "name")


def test_the_page_brings_in_the_file_that_the_page_gave_out(world, nightly):
    client = world.client("erin")
    answer = client.get(f"{ROOT}{nightly.pk}/export")
    assert answer["Content-Disposition"] == 'attachment; filename="nightly-v1.json"'
    file = SimpleUploadedFile("nightly-v1.json", answer.content)
    taken = client.post(f"{ROOT}import", {"file": file})
    assert taken.status_code == 409
    assert "There is a workflow “nightly” in this project already." in taken.content.decode()
    file.seek(0)
    went = client.post(f"{ROOT}import", {"file": file, "name": "again"})
    made = Workflow.objects.get(name="again")
    assert went["Location"] == f"{ROOT}{made.pk}/draft"
    assert made.find_draft().text == COMMENTED


def test_the_page_brings_in_a_draft_unless_somebody_was_faster(world, nightly):
    client, document = world.client("erin"), json.dumps(exported(world, nightly))
    save_draft(nightly, text=OTHER, by=world.actor("alice"))
    page = client.get(f"{ROOT}{nightly.pk}/draft/import").content.decode()
    assert "saved by alice" in page
    late = client.post(f"{ROOT}{nightly.pk}/draft/import", {"pasted": document, "edits": nightly.edits - 1})
    assert late.status_code == 409
    assert nightly.find_draft().text == OTHER
    assert (
        client.post(f"{ROOT}{nightly.pk}/draft/import", {"pasted": document, "edits": nightly.edits}).status_code == 302
    )
    assert nightly.find_draft().text == COMMENTED


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose a file or paste its content."),
        ({"pasted": "{"}, "This is not JSON"),
        ({"pasted": "[]"}, "An exported workflow is a JSON object."),
        ({"pasted": '{"format": "x"}'}, "An exported workflow says"),
        ({"pasted": " " * 1024 * 1024 + "{}"}, "larger than 1 MiB"),
    ],
)
def test_the_page_says_what_is_wrong_with_a_file(world, sent, said):
    answer = world.client("erin").post(f"{ROOT}import", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_an_archived_workflow_is_exported_but_takes_no_draft(world, nightly):
    archive_workflow(nightly, by=world.actor("erin"))
    document = exported(world, nightly)
    answer = world.api("erin").post(f"{API}/{nightly.pk}/draft/import", {"document": document})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
