"""Bulk actions, through the runs' page."""

from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages

from controlplane.listing import bulk
from runs.models import Run
from tests.world import make_run, make_runs, make_workflow

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


def test_a_row_that_fails_unexpectedly_does_not_stop_the_others(world, workflow):
    runs = make_runs(workflow, 2, "queued")

    def verb(run, *, by):
        if run.pk == runs[0].pk:
            raise RuntimeError("a bug")

    verb.label = "Try"
    outcome = bulk.act_on(Run.objects.all(), [run.pk for run in runs], verb, by=world.actor("bob"))
    assert (outcome.done, outcome.refused) == (1, {bulk.UNEXPECTED: [runs[0].pk]})
    assert str(outcome) == "Try: 1 done, 1 refused."
