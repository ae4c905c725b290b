from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.workflows.texts import GOOD, OTHER
from tests.world import make_run
from workflows.actions import create_workflow, release_draft, save_draft
from workflows.models import Version, Workflow

pytestmark = pytest.mark.django_db
WORKFLOWS, VERSIONS = "/admin/workflows/workflow/", "/admin/workflows/version/"


@pytest.fixture
def root(world, client):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def nightly(world) -> Workflow:
    made = create_workflow(world.acme, name="nightly", text=GOOD, by=world.actor("erin"))
    release_draft(made, by=world.actor("erin"))
    return made


def act(root, path: str, name: str, row) -> str:
    sent = {"action": name, "_selected_action": [row.pk]}
    return root.post(path, sent, follow=True).content.decode()


def test_every_page_opens(root, nightly):
    for path in (WORKFLOWS, f"{WORKFLOWS}?q=night", f"{WORKFLOWS}{nightly.pk}/change/", VERSIONS):
        assert root.get(path).status_code == 200
    page = root.get(f"{VERSIONS}{nightly.current_id}/change/").content.decode()
    assert "steps:" in page
    assert "_save" not in page


def test_workflows_are_acted_on(world, root, nightly):
    save_draft(nightly, text=OTHER, by=world.actor("erin"))
    assert "Release: 1 done." in act(root, WORKFLOWS, "release", nightly)
    assert "It has no draft" in act(root, WORKFLOWS, "release", nightly)
    assert "Restore as draft: 1 done." in act(root, VERSIONS, "restore", Version.objects.get(number=1))
    act(root, WORKFLOWS, "archive", nightly)
    assert Workflow.objects.get().state == "archived"
    act(root, WORKFLOWS, "unarchive", nightly)
    make_run(nightly)
    assert "has 1 run" in act(root, WORKFLOWS, "delete", nightly)
    assert Workflow.objects.get().state == "released"


def test_details_are_written_through_the_action(root, nightly):
    path = f"{WORKFLOWS}{nightly.pk}/change/"
    root.post(path, {"name": "daily", "description": "", "tags": "a,b"})
    row = Workflow.objects.get()
    assert (row.name, row.tags, row.updated_by) == ("daily", ["a", "b"], "root")


def test_nothing_is_added_or_deleted_by_hand(root, nightly):
    for path in (f"{WORKFLOWS}add/", f"{VERSIONS}add/", f"{WORKFLOWS}{nightly.pk}/delete/"):
        assert root.get(path).status_code == 403
    answer = root.post(f"{VERSIONS}{nightly.current_id}/change/", {"text": "x"})
    assert answer.status_code == 403
