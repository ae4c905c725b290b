"""Bulk actions, through the runs' page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.contrib.messages import get_messages

from agents.models import Tool
from controlplane.domain.action import action
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.bulk import work as bulk_work
from controlplane.operations import actions as operations
from controlplane.operations.carrying.counting import reasons
from controlplane.operations.carrying.work import BROKEN
from controlplane.operations.models import UNDO_FOR, Operation
from runs.list.listing import RUNS
from runs.models import Run, StepRun
from tests.agents.catalogue import make_tool
from tests.world import make_run, make_runs, make_workflow
from workflows.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/p/acme/runs/"


@pytest.fixture
def workflow(world):
    return make_workflow(world.acme)


def frozen_on(client, query: str = "") -> str:
    """The mark that the page's form carries."""
    html = client.get(f"{PAGE}?{query}").content.decode()
    return re.search(r'name="frozen" value="([^"]+)"', html)[1]


def states(runs) -> list[str]:
    return [Run.objects.get(pk=run.pk).state for run in runs]


def test_only_the_selected_rows_are_acted_on(world, workflow):
    runs = make_runs(workflow, 3, "queued")
    answer = world.client("bob").post(PAGE, {"action": "cancel_run", "selected": [runs[0].pk, runs[2].pk]})
    assert answer.status_code == 302
    assert states(runs) == ["cancelled", "queued", "cancelled"]
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["Cancel: 2 done."]


def test_each_row_has_its_own_outcome(world, workflow):
    live, final = make_run(workflow, "queued"), make_run(workflow, "succeeded")
    answer = world.client("bob").post(
        PAGE, {"action": "cancel_run", "selected": [live.pk, final.pk, 987654]}, headers={"HX-Request": "true"}
    )
    html = answer.content.decode()
    assert "Cancel: 1 done, 2 refused." in html
    assert "It does not exist any more." in html
    assert "987654" in html
    assert str(final.pk) in html
    assert states([live]) == ["cancelled"]
    assert 'hx-swap-oob="true"' in html


def test_all_matching_means_the_filter_and_not_the_page(world, workflow):
    queued, failed = make_runs(workflow, 30, "queued"), make_runs(workflow, 2, "failed")
    client = world.client("bob")
    query = "status=queued&limit=25"
    client.post(f"{PAGE}?{query}", {"action": "cancel_run", "all_matching": "1", "frozen": frozen_on(client, query)})
    assert set(states(queued)) == {"cancelled"}
    assert states(failed) == ["failed", "failed"]


def test_what_came_after_the_page_was_drawn_is_left_alone(world, workflow):
    before = make_run(workflow, "queued")
    client = world.client("bob")
    mark = frozen_on(client)
    after = make_run(workflow, "queued")
    client.post(PAGE, {"action": "cancel_run", "all_matching": "1", "frozen": mark})
    assert states([before, after]) == ["cancelled", "queued"]


def test_too_many_rows_are_refused_before_the_first(world, workflow, monkeypatch):
    monkeypatch.setattr(bulk, "BULK_LIMIT", 2)
    runs = make_runs(workflow, 3, "queued")
    client = world.client("bob")
    answer = client.post(PAGE, {"action": "cancel_run", "all_matching": "1", "frozen": frozen_on(client)})
    assert answer.status_code == 400
    assert "At most 2 rows at once" in answer.content.decode()
    assert set(states(runs)) == {"queued"}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"selected": ["x"]},
        {"selected": ["99999999999999999999999"]},
        {"all_matching": "1"},
        {"all_matching": "1", "frozen": "5"},
        {"all_matching": "1", "frozen": "\x00"},
    ],
)
def test_a_broken_selection_is_refused(world, workflow, sent):
    run = make_run(workflow, "queued")
    assert world.client("bob").post(PAGE, {"action": "cancel_run", **sent}).status_code == 400
    assert states([run]) == ["queued"]


def test_an_invalid_filter_acts_on_nothing(world, workflow):
    run = make_run(workflow, "queued")
    client = world.client("bob")
    sent = {"action": "cancel_run", "all_matching": "1", "frozen": frozen_on(client)}
    assert client.post(f"{PAGE}?status=nope", sent).status_code == 400
    assert states([run]) == ["queued"]


def test_an_unknown_action_is_refused(world, workflow):
    sent = {"action": "delete_everything", "selected": [make_run(workflow).pk]}
    assert world.client("bob").post(PAGE, sent).status_code == 400


def test_a_viewer_sees_no_checkboxes_and_is_refused(world, workflow):
    run = make_run(workflow, "queued")
    client = world.client("vera")
    assert "data-select-row" not in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"action": "cancel_run", "selected": [run.pk]}).status_code == 403
    assert states([run]) == ["queued"]


def test_another_projects_row_does_not_exist(world, workflow):
    theirs = make_run(make_workflow(world.globex), "queued")
    answer = world.client("bob").post(PAGE, {"action": "cancel_run", "selected": [theirs.pk]}, follow=True)
    assert "It does not exist any more." in answer.content.decode()
    assert states([theirs]) == ["queued"]


def test_a_row_that_fails_unexpectedly_does_not_stop_the_others(world, workflow, monkeypatch):
    runs = make_runs(workflow, 2, "queued")

    @action(label="Try", role="operator")
    def breaks(run, *, by):
        if run.pk == runs[0].pk:
            raise RuntimeError("a bug")

    monkeypatch.setattr(bulk_work, "find_listing", lambda _: replace(RUNS, bulk_actions=(breaks,)))
    ids = [run.pk for run in runs]
    operation = bulk.draft(RUNS, breaks, ids, project=world.acme, by=world.actor("bob"))
    bulk.start(operation, by=world.actor("bob"), arguments={})
    assert (operation.summary, reasons(operation)) == ("Try: 1 done, 1 refused.", [(BROKEN, 1, [runs[0].pk])])


def previewed(client, **sent) -> str:
    return client.post(PAGE, sent, headers={"HX-Request": "true"}).content.decode()


def test_a_preview_changes_nothing_and_says_who_is_refused_and_why(world, workflow):
    live, final = make_runs(workflow, 2, "queued"), make_run(workflow, "succeeded")
    ids = [*(run.pk for run in live), final.pk, 987654]
    html = previewed(world.client("bob"), preview="cancel_run", selected=ids)
    assert "Cancel 2 runs" in html
    assert "It has ended already." in html
    assert str(final.pk) in html
    assert "It does not exist any more." in html
    assert states(live) == ["queued", "queued"]


def test_what_was_confirmed_is_the_set_that_was_shown(world, workflow):
    """However the rows change between the preview and the click."""
    runs = make_runs(workflow, 2, "queued")
    client = world.client("bob")
    sent = {"preview": "add_tags", "all_matching": "1", "frozen": frozen_on(client, "status=queued")}
    html = client.post(f"{PAGE}?status=queued", sent).content.decode()
    operation = re.search(r'name="operation" value="(\d+)"', html)[1]
    Run.objects.filter(pk=runs[0].pk).update(state="running", started_at=runs[0].created_at)
    later = make_run(workflow, "queued")
    client.post(f"{PAGE}?status=queued", {"operation": operation, "tags": "seen, kept"})
    assert [Run.objects.get(pk=run.pk).tags for run in (*runs, later)] == [["seen", "kept"], ["seen", "kept"], []]


def test_a_preview_is_carried_out_once(world, workflow):
    run = make_run(workflow, "succeeded")
    client = world.client("bob")
    html = previewed(client, preview="retry_run", selected=[run.pk])
    operation = re.search(r'name="operation" value="(\d+)"', html)[1]
    assert [client.post(PAGE, {"operation": operation}).status_code for _ in range(2)] == [302, 404]
    assert run.retries.count() == 1


@pytest.mark.parametrize(("at_once", "said"), [(2, False), (1, True)])
def test_a_preview_says_when_the_work_is_done_in_the_background(world, workflow, monkeypatch, at_once, said):
    monkeypatch.setattr(operations, "AT_ONCE", at_once)
    ids = [run.pk for run in make_runs(workflow, 2)]
    html = previewed(world.client("bob"), preview="add_tags", selected=ids)
    assert ("done in the background" in html) == said


def test_nobody_carries_out_the_preview_of_another(world, workflow):
    run = make_run(workflow, "queued")
    html = previewed(world.client("bob"), preview="cancel_run", selected=[run.pk])
    operation = re.search(r'name="operation" value="(\d+)"', html)[1]
    assert world.client("alice").post(PAGE, {"operation": operation}).status_code == 404
    assert states([run]) == ["queued"]


def test_tags_are_asked_for(world, workflow):
    run = make_run(workflow)
    client = world.client("bob")
    assert 'name="tags"' in previewed(client, preview="add_tags", selected=[run.pk])
    assert client.post(PAGE, {"action": "add_tags", "selected": [run.pk], "tags": " , "}).status_code == 400
    assert Run.objects.get(pk=run.pk).tags == []


LIFE = {
    "queued": {}, "running": {}, "waiting_approval": {}, "succeeded": {}, "failed": {}, "cancelled": {},
    "timed_out": {}, "paused": {"pause_cause": "person"}, "stopping": {"control_by": "bob"},
}  # fmt: skip


@pytest.mark.parametrize("state", LIFE)
def test_the_preview_says_what_the_verbs_do(world, workflow, state):
    """Each verb on a run in each state: forecast eligible exactly if it then is done."""
    by = world.actor("alice")
    for verb in RUNS.bulk_actions:
        run = make_run(workflow, state, tags=["old"], **LIFE[state])
        run.steps.bulk_create(StepRun(run=run, key=key, position=0, uses="noop", state="succeeded") for key in "ab")
        moments = {"paused": ["pause_requested_at"], "stopping": ["stop_requested_at"]}.get(state, [])
        Run.objects.filter(pk=run.pk).update(**dict.fromkeys(moments, run.created_at))
        given = {"tags": ["new"] if verb.__name__ == "add_tags" else ["old"]} if verb.takes else {}
        operation = bulk.draft(RUNS, verb, [run.pk], project=world.acme, by=by)
        shown = bulk.preview_of(operation, RUNS, verb, by=by)
        assert shown.eligible + sum(number for _, number, _ in shown.refused) == 1
        assert shown.eligible in (0, 1)
        bulk.start(operation, by=by, arguments=given)
        assert operation.done == shown.eligible, (verb.__name__, reasons(operation))


def test_a_preview_says_which_workflows_have_runs(world, workflow):
    make_runs(workflow, 2)
    bare = make_workflow(world.acme, "bare")
    client, selected = world.client("alice"), [workflow.pk, bare.pk]
    sent = {"preview": "delete_workflow", "selected": selected}
    html = client.post("/p/acme/workflows/", sent, headers={"HX-Request": "true"}).content.decode()
    assert "Delete 1 workflow?" in html
    assert re.search(rf"1</strong> not: It has runs\..*\({workflow.pk}\)", html, re.DOTALL)
    client.post("/p/acme/workflows/", {"action": "delete_workflow", "selected": selected})
    assert list(Workflow.objects.filter(project=world.acme)) == [workflow]


def test_switching_off_can_be_undone(world):
    tools = [make_tool(world, name, enabled=enabled) for name, enabled in (("on", True), ("off", False))]
    client = world.client("erin")
    client.post("/p/acme/tools/", {"action": "disable", "selected": [tool.pk for tool in tools]})
    operation = Operation.objects.get()
    assert (operation.summary, operation.can_be_undone) == ("Disable: 1 done, 1 refused.", True)
    client.post(f"/p/acme/operations/{operation.pk}/undo")
    assert list(Tool.objects.order_by("pk").values_list("enabled", flat=True)) == [True, False]


def test_an_undo_takes_back_what_was_changed_and_nothing_else(world, workflow):
    bare, tagged, full = make_run(workflow), make_run(workflow, tags=["b"]), make_run(workflow, tags=["a", "b"])
    client = world.client("bob")
    runs = [bare, tagged, full]
    client.post(PAGE, {"action": "add_tags", "selected": [run.pk for run in runs], "tags": "a,b"})
    operation = Operation.objects.get()
    assert (operation.summary, operation.can_be_undone) == ("Tag: 2 done, 1 refused.", True)
    answer = client.post(f"/p/acme/operations/{operation.pk}/undo", {"next": PAGE})
    assert answer["Location"] == PAGE
    assert [Run.objects.get(pk=run.pk).tags for run in runs] == [[], ["b"], ["a", "b"]]
    assert client.post(f"/p/acme/operations/{operation.pk}/undo").status_code == 409


def test_an_undo_is_refused_after_its_time(world, workflow):
    client = world.client("bob")
    client.post(PAGE, {"action": "add_tags", "selected": [make_run(workflow).pk], "tags": "a"})
    operation = Operation.objects.get()
    Operation.objects.update(ended_at=operation.ended_at - UNDO_FOR)
    assert client.post(f"/p/acme/operations/{operation.pk}/undo").status_code == 409
    assert Run.objects.get().tags == ["a"]
