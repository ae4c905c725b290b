"""Runs in the Django admin: to look at, and to control by the actions and by nothing else."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from controlplane.events.models import Event
from runs import admin as ours
from runs.actions import start_run
from runs.models import Artifact, Attempt, LogChunk, Run, RunState, StepRun, Worker
from tests.world import PASSWORD, make_run, make_runs, make_workflow

pytestmark = pytest.mark.django_db
MODELS = [Run, StepRun, Attempt, LogChunk, Artifact, Worker]


@pytest.fixture
def root(world) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return client


@pytest.fixture
def run(world) -> Run:
    """A run of one step that is queued, with a row of everything else."""
    run = start_run(make_workflow(world.acme), inputs={}, by=world.actor("bob"))
    step = run.steps.get()
    Attempt.objects.create(run=run, step=step, number=1, worker="one", state="lost", ended_at=timezone.now())
    Run.objects.filter(pk=run.pk).update(last_line=1)
    LogChunk.objects.create(run=run, step=step, attempt_no=1, first_line=1, count=1, lines=[{"text": "hello"}])
    Artifact.objects.create(run=run, step=step, attempt_no=1, name="a.txt", size=1, sha256="", file="a.txt")
    Worker.objects.create(name="one", boot="1", queue="default", slots=1, seen_at=timezone.now())
    return run


def list_url(model) -> str:
    return reverse(f"admin:runs_{model._meta.model_name}_changelist")


def act(client: Client, name: str, *runs: Run, **fields) -> list[str]:
    """What the page says after `name` was done with `runs`."""
    sent = {"action": name, "_selected_action": [run.pk for run in runs], **fields}
    response = client.post(list_url(Run), sent, follow=True)
    assert response.status_code == 200, response.content
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", MODELS)
def test_every_table_is_listed_shown_and_read_only(root, run, model):
    row = model.objects.get()
    assert root.get(list_url(model)).status_code == 200
    change = reverse(f"admin:runs_{model._meta.model_name}_change", args=[row.pk])
    page = root.get(change)
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert root.post(change, {"state": "succeeded"}).status_code == 403
    for name in ("add", "delete"):
        url = reverse(f"admin:runs_{model._meta.model_name}_{name}", args=[row.pk] if name == "delete" else [])
        assert root.post(url, {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [Run, StepRun, Attempt, LogChunk, Artifact])
def test_rows_are_found_by_id_and_odd_searches_find_nothing(root, run, model):
    search = {LogChunk: run.pk}.get(model, model.objects.get().pk)
    assert root.get(list_url(model), {"q": search}).context["cl"].result_count == 1
    for odd in ("zebra", "9" * 40, "1 2", "-1"):
        response = root.get(list_url(model), {"q": odd})
        assert response.status_code == 200
        assert response.context["cl"].result_count == 0


def test_actions_control_runs_as_this_person_and_tell_each_outcome(root, run):
    assert act(root, "pause_run", run) == [f"{run}: pause asked for; it is paused now."]
    assert act(root, "resume_run", run) == [f"{run}: resume asked for; it is queued now."]
    assert act(root, "cancel_run", run) == [f"{run}: cancel asked for; it is cancelled now."]
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    requested = Event.objects.get(subject_kind="run", subject_id=run.pk, type="run.stop_requested")
    assert requested.actor == "root"


def test_retry_starts_a_new_run(root, run):
    act(root, "cancel_run", run)
    (text,) = act(root, "retry_run", run)
    again = Run.objects.get(retry_of=run)
    assert text == f"{run}: started again as {again}."


def test_one_refusal_does_not_keep_the_others_back(root, run):
    done = make_run(run.workflow)
    texts = act(root, "cancel_run", run, done)
    assert f"{run}: cancel asked for; it is cancelled now." in texts
    assert any(text.startswith(f"{done}: ") and "It has ended already." in text for text in texts)


def test_staff_who_are_not_members_reach_nothing(world, run):
    staff = User.objects.create_user("staff", password=PASSWORD, is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_run"))
    client = Client()
    client.force_login(staff)
    assert act(client, "cancel_run", run) == []
    run.refresh_from_db()
    assert run.state == RunState.QUEUED


def test_nothing_can_be_deleted(root, run):
    sent = {"action": "delete_selected", "_selected_action": [run.pk], "post": "yes"}
    root.post(list_url(Run), sent)
    assert Run.objects.filter(pk=run.pk).exists()
    assert "delete_selected" not in admin.site.get_model_admin(Run).get_actions(root.get(list_url(Run)).wsgi_request)


def test_more_than_a_page_can_answer_for_is_refused(root, run, monkeypatch):
    monkeypatch.setattr(ours, "MOST_AT_ONCE", 2)
    make_runs(run.workflow, 3)
    texts = act(root, "retry_run", run, select_across="1", index="0")
    assert texts == ["Choose at most 2 runs at once, or use the portal's own list."]
    assert not Run.objects.filter(retry_of__isnull=False).exists()


def test_the_list_never_counts_the_whole_table_nor_reads_large_columns(root, run):
    make_runs(run.workflow, 60)
    with CaptureQueriesContext(connection) as captured:
        response = root.get(list_url(Run), {"state__exact": "succeeded", "_facets": "True"})
    assert response.context["cl"].result_count == 60
    statements = [query["sql"] for query in captured if '"runs_run"' in query["sql"]]
    counts = [sql for sql in statements if "COUNT(" in sql]
    assert len(counts) == 1
    assert f"LIMIT {ours.MOST_COUNTED}" in counts[0]
    assert not any('"runs_run"."inputs"' in sql or '"runs_run"."definition"' in sql for sql in statements)
    assert len(captured) < 15
