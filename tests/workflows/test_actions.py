from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from agents.catalogue.dependents import dependents_of
from agents.models import Instance, Tool
from controlplane.domain.errors import ActionRefused, Conflict, InvalidInput, NotAllowed, NotFound
from controlplane.events.models import Event
from runs.models import Run, RunState
from tests.workflows.texts import GOOD, INVALID, OTHER, UNREADABLE, calling
from tests.world import make_run
from workflows import actions
from workflows.models import Version, VersionState, Workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def erin(world):
    return world.actor("erin")


@pytest.fixture
def draft(world, erin) -> Workflow:
    """A workflow of which nothing is released."""
    return actions.create_workflow(world.acme, name="nightly", text=GOOD, by=erin)


@pytest.fixture
def released(draft, erin) -> Workflow:
    actions.release_draft(draft, note="First", by=erin)
    return draft


def last_event() -> Event:
    return Event.objects.order_by("-id").first()


def test_it_creates_a_workflow_with_a_draft(world, erin):
    made = actions.create_workflow(
        world.acme, name="nightly", description="Counts", tags=["etl", " etl ", ""], text=GOOD, by=erin
    )
    version = made.versions.get()
    assert (made.tags, made.state, made.updated_by) == (["etl"], "draft", "erin")
    assert (version.number, version.state, version.text, version.format) == (1, "draft", GOOD, "yaml")
    assert version.document["steps"][1]["needs"] == ["first"]
    assert (last_event().type, last_event().subject_id, last_event().actor) == ("workflow.created", made.pk, "erin")


@pytest.mark.parametrize("name", ["", "Nightly", "with space", "-x", "a" * 64, "a\x00b", "a\ud800"])
def test_it_refuses_a_bad_name(world, erin, name):
    with pytest.raises(InvalidInput) as caught:
        actions.create_workflow(world.acme, name=name, text=GOOD, by=erin)
    assert caught.value.errors[0].field == "name"
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("tags", ["x" * 51]), ("tags", [str(n) for n in range(21)]), ("tags", ["\x00"]), ("description", "\x00")],
)
def test_it_refuses_bad_details(world, erin, field, value):
    with pytest.raises(InvalidInput) as caught:
        actions.create_workflow(world.acme, name="nightly", text=GOOD, by=erin, **{field: value})
    assert caught.value.errors[0].field == field


def test_it_refuses_a_name_that_is_taken(world, draft, erin):
    with pytest.raises(Conflict) as caught:
        actions.create_workflow(world.acme, name="nightly", text=GOOD, by=erin)
    assert caught.value.errors[0].field == "name"
    assert Version.objects.count() == 1


def test_another_project_may_use_the_same_name(world, draft):
    made = actions.create_workflow(world.globex, name="nightly", text=GOOD, by=world.actor("mallory"))
    assert made.project == world.globex


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_it_refuses_text_that_cannot_be_read_and_writes_nothing(draft, erin, text):
    with pytest.raises(InvalidInput):
        actions.save_draft(draft, text=text, edits=0, by=erin)
    assert Version.objects.get().text == GOOD
    assert Workflow.objects.get().edits == 0


@pytest.mark.parametrize(("text", "field", "line"), INVALID.values(), ids=INVALID)
def test_it_keeps_an_invalid_draft_but_does_not_release_it(draft, erin, text, field, line):
    actions.save_draft(draft, text=text, edits=0, by=erin)
    with pytest.raises(InvalidInput) as caught:
        actions.release_draft(draft, by=erin)
    assert (field, line) in [(error.field, error.line) for error in caught.value.errors]
    version = Version.objects.get()
    assert (version.text, version.state) == (text, "draft")
    assert Workflow.objects.get().current is None


def test_it_refuses_a_workflow_that_would_call_itself(released, erin):
    actions.save_draft(released, text=calling("nightly"), by=erin)
    with pytest.raises(InvalidInput, match="nightly → nightly") as caught:
        actions.release_draft(released, by=erin)
    assert (caught.value.errors[0].field, caught.value.errors[0].line) == ("steps[0].uses", 3)


def test_it_refuses_workflows_that_would_call_each_other_without_end(world, released, erin):
    other = actions.create_workflow(world.acme, name="other", text=calling("nightly"), by=erin)
    actions.release_draft(other, by=erin)
    actions.save_draft(released, text=calling("other"), by=erin)
    with pytest.raises(InvalidInput, match="nightly → other → nightly"):
        actions.release_draft(released, by=erin)


def test_it_saves_over_the_draft(draft, erin):
    saved = actions.save_draft(draft, text=OTHER, edits=0, by=erin)
    assert (saved.number, saved.text, saved.updated_by) == (1, OTHER, "erin")
    assert Workflow.objects.get().edits == 1
    assert (last_event().type, last_event().data["version"]) == ("workflow.draft_saved", 1)


def test_a_save_after_a_release_makes_the_next_draft(released, erin):
    saved = actions.save_draft(released, text=OTHER, edits=1, by=erin)
    assert (saved.number, saved.state) == (2, "draft")
    assert released.versions.get(number=1).text == GOOD


def test_a_second_editor_is_told_who_saved_and_when(world, draft, erin):
    actions.save_draft(draft, text=OTHER, edits=0, by=world.actor("alice"))
    with pytest.raises(Conflict, match=r"alice saved this draft at \d{4}-\d\d-\d\d") as caught:
        actions.save_draft(draft, text=GOOD, edits=0, by=erin)
    assert caught.value.extra["edits"] == 1
    assert Version.objects.get().text == OTHER


def test_an_editor_opened_before_a_release_cannot_overwrite_the_next_draft(world, draft, erin):
    actions.save_draft(draft, text=OTHER, edits=0, by=erin)
    actions.release_draft(draft, by=erin)
    actions.save_draft(draft, text=GOOD, by=erin)
    with pytest.raises(Conflict):
        actions.save_draft(draft, text=OTHER, edits=1, by=world.actor("alice"))


def test_a_release_refuses_a_draft_that_was_saved_since_it_was_seen(world, draft, erin):
    actions.save_draft(draft, text=OTHER, by=world.actor("alice"))
    with pytest.raises(Conflict, match="alice saved"):
        actions.release_draft(draft, edits=0, by=erin)


def test_it_releases_and_retires_the_version_before(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    second = actions.release_draft(released, note="Two weeks", edits=2, by=erin)
    assert Workflow.objects.get().current == second
    assert dict(Version.objects.values_list("number", "state")) == {1: "retired", 2: "released"}
    assert (second.note, second.released_by) == ("Two weeks", "erin")
    assert second.released_at is not None
    assert (last_event().type, last_event().data) == (
        "workflow.released",
        {"name": "nightly", "version": 2, "note": "Two weeks"},
    )


def test_there_must_be_a_draft_to_release(released, erin):
    with pytest.raises(ActionRefused, match="no draft"):
        actions.release_draft(released, by=erin)
    assert Workflow.objects.get().edits == 1


@pytest.mark.parametrize("note", ["x" * 501, "\x00"])
def test_it_refuses_a_bad_note(draft, erin, note):
    with pytest.raises(InvalidInput) as caught:
        actions.release_draft(draft, note=note, by=erin)
    assert caught.value.errors[0].field == "note"


FORBIDDEN = [
    {"text": "x"},
    {"document": {}},
    {"number": 9},
    {"note": "x"},
    {"released_by": "x"},
    {"uses": ["x"]},
    {"state": "draft"},
]


@pytest.mark.parametrize("change", FORBIDDEN)
def test_the_database_refuses_to_change_a_released_version(released, change):
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Version.objects.filter(workflow=released).update(**change)


def test_the_database_refuses_to_revive_a_retired_version(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    actions.release_draft(released, by=erin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.filter(number=1).update(state=VersionState.RELEASED)


def test_it_discards_a_draft_and_keeps_the_released_version(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    actions.discard_draft(released, by=erin)
    assert released.find_draft() is None
    assert released.current.number == 1
    assert last_event().type == "workflow.draft_discarded"


def test_it_does_not_discard_the_only_version(draft, erin):
    with pytest.raises(ActionRefused, match="all there is"):
        actions.discard_draft(draft, by=erin)


def test_it_restores_an_old_version_as_a_draft(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    actions.release_draft(released, by=erin)
    made = actions.restore_version(released.versions.get(number=1), by=erin)
    assert (made.number, made.state, made.text) == (3, "draft", GOOD)
    assert last_event().data["version"] == 1


def test_it_does_not_restore_over_a_draft(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    with pytest.raises(Conflict, match="erin has a draft"):
        actions.restore_version(released.versions.get(number=1), by=erin)
    with pytest.raises(ActionRefused, match="draft already"):
        actions.restore_version(released.find_draft(), by=erin)
    assert released.find_draft().text == OTHER


def test_it_duplicates_the_released_version(released, erin):
    actions.save_draft(released, text=OTHER, by=erin)
    copy = actions.duplicate_workflow(released, name="copy", by=erin)
    assert (copy.find_draft().text, copy.current) == (GOOD, None)
    assert last_event().data["copy_of"] == "nightly"


def test_it_duplicates_the_draft_while_nothing_is_released(draft, erin):
    assert actions.duplicate_workflow(draft, name="copy", by=erin).find_draft().text == GOOD
    with pytest.raises(Conflict):
        actions.duplicate_workflow(draft, name="copy", by=erin)


def test_it_renames_describes_and_tags(draft, erin):
    actions.update_workflow(draft, name="daily", description="New", tags=["a"], by=erin)
    row = Workflow.objects.get()
    assert (row.name, row.description, row.tags, row.updated_by) == ("daily", "New", ["a"], "erin")
    assert last_event().data == {"name": "daily", "old_name": "nightly"}


def test_it_does_not_rename_to_a_name_that_is_taken(world, draft, erin):
    actions.create_workflow(world.acme, name="taken", text=GOOD, by=erin)
    with pytest.raises(Conflict):
        actions.update_workflow(draft, name="taken", by=erin)
    assert Workflow.objects.filter(name="nightly").exists()


def test_what_others_call_is_neither_renamed_nor_archived_nor_deleted(world, released, erin):
    actions.create_workflow(world.acme, name="caller", text=calling("nightly"), by=erin)
    with pytest.raises(Conflict, match="renamed: caller"):
        actions.update_workflow(released, name="daily", by=erin)
    with pytest.raises(Conflict, match="archived: caller"):
        actions.archive_workflow(released, by=erin)
    with pytest.raises(Conflict, match="deleted: caller"):
        actions.delete_workflow(released, by=world.actor("alice"))


def test_an_archived_workflow_does_not_change_until_it_is_back(released, erin):
    actions.archive_workflow(released, by=erin)
    assert Workflow.objects.get().state == "archived"
    for verb in (
        lambda: actions.save_draft(released, text=OTHER, by=erin),
        lambda: actions.release_draft(released, by=erin),
        lambda: actions.discard_draft(released, by=erin),
        lambda: actions.restore_version(released.versions.get(), by=erin),
        lambda: actions.archive_workflow(released, by=erin),
    ):
        with pytest.raises(ActionRefused, match="archived"):
            verb()
    actions.unarchive_workflow(released, by=erin)
    with pytest.raises(ActionRefused, match="not archived"):
        actions.unarchive_workflow(released, by=erin)
    actions.save_draft(released, text=OTHER, by=erin)


def test_it_deletes_a_workflow_with_its_versions(world, released):
    actions.delete_workflow(released, by=world.actor("alice"))
    assert not Workflow.objects.exists()
    assert not Version.objects.exists()
    assert (last_event().type, last_event().data) == ("workflow.deleted", {"name": "nightly", "runs": 0})


def test_deleting_runs_too_needs_the_name(world, released):
    alice = world.actor("alice")
    make_run(released)
    for confirm in ("", "other"):
        with pytest.raises(Conflict, match="1 run") as caught:
            actions.delete_workflow(released, confirm=confirm, by=alice)
        assert caught.value.extra["runs"] == 1
    actions.delete_workflow(released, confirm="nightly", by=alice)
    assert not Run.objects.exists()
    assert not Version.objects.exists()


def test_it_does_not_delete_while_a_run_goes_on(world, released):
    make_run(released, RunState.RUNNING)
    with pytest.raises(ActionRefused, match="unfinished run"):
        actions.delete_workflow(released, confirm="nightly", by=world.actor("alice"))


def test_what_was_deleted_is_not_found(world, released, erin):
    actions.delete_workflow(Workflow.objects.get(), by=world.actor("alice"))
    with pytest.raises(NotFound):
        actions.save_draft(released, text=OTHER, by=erin)
    with pytest.raises(NotFound):
        actions.update_workflow(released, name="x", by=erin)


VERBS = {
    "create": lambda workflow, by: actions.create_workflow(workflow.project, name="new", text=GOOD, by=by),
    "update": lambda workflow, by: actions.update_workflow(workflow, name="new", by=by),
    "save": lambda workflow, by: actions.save_draft(workflow, text=OTHER, by=by),
    "release": lambda workflow, by: actions.release_draft(workflow, by=by),
    "discard": lambda workflow, by: actions.discard_draft(workflow, by=by),
    "restore": lambda workflow, by: actions.restore_version(workflow.versions.first(), by=by),
    "duplicate": lambda workflow, by: actions.duplicate_workflow(workflow, name="copy", by=by),
    "archive": lambda workflow, by: actions.archive_workflow(workflow, by=by),
    "unarchive": lambda workflow, by: actions.unarchive_workflow(workflow, by=by),
    "delete": lambda workflow, by: actions.delete_workflow(workflow, by=by),
}


@pytest.mark.parametrize("who", ["vera", "bob", "anna", "mallory"])
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_it_refuses_whoever_is_not_an_editor_here(world, draft, verb, who):
    before = Event.objects.count()
    with pytest.raises(NotAllowed):
        verb(draft, world.actor(who))
    assert Event.objects.count() == before


def test_an_editor_does_not_delete(draft, erin):
    with pytest.raises(NotAllowed):
        actions.delete_workflow(draft, by=erin)


def test_a_specification_remembers_what_it_uses(world, erin):
    Tool.objects.create(project=world.acme, name="fetch", kind="http")
    Instance.objects.create(project=world.acme, name="store", engine="sqlite", sealed_url="", address="x")
    text = (
        "steps:\n- {key: a, uses: 'tool:fetch'}\n- {key: b, uses: 'tool:fetch'}\n"
        "- {key: c, uses: query, with: {instance: store, sql: SELECT 1}}\n"
    )
    made = actions.create_workflow(world.acme, name="nightly", text=text, by=erin)
    assert actions.release_draft(made, by=erin).uses == ["instance:store", "tool:fetch"]


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_once_one_wins(world, draft):
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def save(name: str) -> None:
        by = world.actor(name)
        start.wait()
        try:
            actions.save_draft(Workflow.objects.get(), text=OTHER + f"# {name}\n", edits=0, by=by)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=[name]) for name in ("erin", "alice")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "saved"]
    assert Workflow.objects.get().edits == 1


def test_a_tool_that_a_workflow_uses_names_it(world, erin):
    tool = Tool.objects.create(project=world.acme, name="fetch", kind="http")
    made = actions.create_workflow(world.acme, name="nightly", text="steps: [{key: a, uses: 'tool:fetch'}]", by=erin)
    assert [(one.kind, one.name, one.pk) for one in dependents_of(tool)] == [("workflow", "nightly", made.pk)]
    actions.archive_workflow(made, by=erin)
    assert dependents_of(tool) == []


def test_a_version_that_is_no_longer_in_force_holds_nothing(world, erin):
    tool = Tool.objects.create(project=world.acme, name="fetch", kind="http")
    made = actions.create_workflow(world.acme, name="nightly", text="steps: [{key: a, uses: 'tool:fetch'}]", by=erin)
    actions.release_draft(made, by=erin)
    actions.save_draft(made, text=GOOD, by=erin)
    actions.release_draft(made, by=erin)
    assert dependents_of(tool) == []
