"""Runs that execute elsewhere: reported, listed among the others, never claimed, lost when silent."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.domain.errors import ActionRefused
from controlplane.portal.sweeping import sweep
from runs import actions
from runs.models import Run, StepRun
from tests.runs.driving import due_steps, event_types
from workflows.actions import archive_workflow, release_draft
from workflows.models import Workflow

pytestmark = pytest.mark.django_db
API = "/api/v1/tasks"
NOON = "2026-01-01T12:00:00Z"
PAGES = ["", "logs/", "data/", "cost/", "events/", "artifacts/", "parts/timeline", "parts/summary"]


@pytest.fixture
def script(world):
    return world.api("bob")


def report(script, **fields) -> dict:
    answer = script.post(API, {"task": "seo-validate", **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def go_on(script, task: dict, **fields):
    return script.patch(f"{API}/{task['id']}", fields)


def test_a_task_is_a_run_from_its_first_report_to_its_last(world, script):
    task = report(script, inputs={"site": "a"}, run_id="nightly-7", environment="production", tags=["seo"])
    assert (task["task"], task["status"], task["tags"]) == ("seo-validate", "running", ["seo", "run:nightly-7"])
    assert go_on(script, task, status="awaiting_approval").json()["status"] == "waiting_approval"
    assert go_on(script, task, status="running", cost_usd="0.5").status_code == 200
    done = go_on(
        script, task, status="succeeded", outputs={"pages": 3}, outputs_uri="https://x.example/r", cost_usd="0.75",
        input_tokens=10, log_excerpt="one\ntwo",
    ).json()  # fmt: skip
    assert (done["status"], done["outputs"]) == ("succeeded", {"pages": 3, "uri": "https://x.example/r"})
    assert (done["cost_usd"], done["input_tokens"], done["inputs"]) == ("0.750000", 10, {"site": "a"})
    run = Run.objects.get(pk=task["id"])
    assert run.created_at == run.started_at
    assert (run.trigger, run.created_by, run.environment) == ("external", "token bob's", "production")
    assert event_types(run) == [
        "run.created", "run.started", "run.waiting_approval", "run.resumed", "run.succeeded",
    ]  # fmt: skip
    log = world.api("vera").get(f"/api/v1/runs/{run.pk}/logs").json()["results"]
    assert [line["text"] for line in log] == ["one", "two"]


def test_nothing_of_it_is_ever_claimed(script):
    report(script, status="queued")
    sweep()
    assert due_steps() == []
    assert StepRun.objects.count() == 0
    assert Run.objects.get().state == "queued"


def test_many_reports_of_a_task_are_runs_of_one_workflow(world, script):
    first, second = report(script), report(script)
    assert first["id"] != second["id"]
    workflow = Workflow.objects.get()
    assert (workflow.name, workflow.runs.count(), workflow.state) == ("seo-validate", 2, "draft")
    release_draft(workflow, by=world.actor("erin"))


def test_what_is_over_can_be_reported_at_once_with_its_own_times(script):
    began = timezone.now() - timedelta(hours=2)
    times = {"started_at": began.isoformat(), "finished_at": (began + timedelta(seconds=90)).isoformat()}
    task = report(script, status="failed", error="It broke.", **times)
    assert (task["status"], task["duration_ms"]) == ("failed", 90_000)
    assert task["error"] == {"type": "reported", "message": "It broke."}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"task": "Seo Validate"}, "task"),
        ({"status": "lost"}, "status"),
        ({"status": "waiting_approval"}, "status"),
        ({"finished_at": "2026-01-01T00:00:00Z"}, "finished_at"),
        (
            {"status": "failed", "started_at": NOON, "finished_at": "2026-01-01T00:00:00Z"},
            "finished_at",
        ),
        ({"started_at": "2199-01-01T00:00:00Z"}, "started_at"),
        ({"error": {"type": "x"}}, "error"),
        ({"heartbeat_seconds": 0}, "heartbeat_seconds"),
        ({"cost_usd": -1}, "cost_usd"),
        ({"tags": ["x"] * 3 + [str(n) for n in range(20)]}, "tags"),
        ({"agent": "nobody"}, "agent"),
        ({"stauts": "running"}, "stauts"),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_field(script, sent, field):
    answer = script.post(API, {"task": "seo-validate", **sent})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert Run.objects.count() == 0


def test_an_end_in_the_past_without_a_start_is_no_negative_duration(script):
    task = report(script, status="queued")
    done = go_on(script, task, status="succeeded", finished_at=NOON).json()
    assert (done["started_at"], done["finished_at"], done["duration_ms"]) == (NOON, NOON, 0)


def test_a_run_that_is_over_takes_no_more_reports(script):
    task = report(script, status="succeeded")
    late = go_on(script, task, status="failed")
    assert (late.status_code, late.json()["code"], late.json()["run_status"]) == (409, "run_ended", "succeeded")
    assert go_on(script, task).status_code == 409


def test_it_goes_only_where_a_run_may_go(script):
    task = report(script, status="queued")
    assert go_on(script, task, status="waiting_approval").status_code == 409
    assert go_on(script, task, status="running").status_code == 200
    refused = go_on(script, task, status="queued")
    assert (refused.status_code, refused.json()["detail"]) == (409, "This run is running, so it cannot become queued.")


def test_a_silent_script_is_lost_and_one_that_reports_is_not(script):
    silent, alive = report(script, heartbeat_seconds=60), report(script, heartbeat_seconds=60)
    Run.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert go_on(script, alive).status_code == 200
    sweep()
    lost = script.get(f"{API}/{silent['id']}").json()
    assert (lost["status"], lost["error"]["type"]) == ("failed", "lost")
    assert "every 60 seconds" in lost["error"]["message"]
    assert script.get(f"{API}/{alive['id']}").json()["status"] == "running"
    assert go_on(script, silent, status="succeeded").json()["code"] == "run_ended"


def test_without_a_heartbeat_it_may_be_silent_for_ever(script):
    task = report(script)
    assert (task["deadline_at"], task["heartbeat_seconds"]) == (None, None)
    Run.objects.update(created_at=timezone.now() - timedelta(days=40))
    sweep()
    assert script.get(f"{API}/{task['id']}").json()["status"] == "running"


def test_a_sign_of_life_is_no_event(script):
    task = report(script, heartbeat_seconds=60)
    before = Run.objects.get().last_seq
    assert go_on(script, task).status_code == 200
    assert Run.objects.get().last_seq == before


def test_cancelled_here_the_script_learns_it_at_its_next_report(world, script):
    task = report(script)
    run = Run.objects.get()
    assert actions.cancel_run(run, by=world.actor("bob")).state == "cancelled"
    answer = go_on(script, task)
    assert (answer.status_code, answer.json()["run_status"]) == (409, "cancelled")


def test_it_is_neither_paused_nor_retried_here(world, script):
    task = report(script)
    run, bob = Run.objects.get(), world.actor("bob")
    with pytest.raises(ActionRefused, match="executes elsewhere"):
        actions.pause_run(run, by=bob)
    go_on(script, task, status="failed")
    run.refresh_from_db()
    with pytest.raises(ActionRefused, match="executes elsewhere"):
        actions.retry_run(run, by=bob)
    assert script.post(f"/api/v1/runs/{run.pk}/replay", {"step": "nothing"}).status_code == 409
    page = world.client("bob").get(f"/p/acme/runs/{run.pk}/").content.decode()
    assert "executes elsewhere, reported here" in page
    assert "Replay" not in page
    assert "Retry" not in page


@pytest.mark.parametrize("tab", PAGES)
def test_every_page_of_a_run_shows_it(world, script, tab):
    task = report(script, inputs={"site": "here"}, log_excerpt="said")
    assert world.client("vera").get(f"/p/acme/runs/{task['id']}/{tab}").status_code == 200
    page = world.client("vera").get(f"/p/acme/workflows/{Workflow.objects.get().pk}/")
    assert page.status_code == 200


def test_two_of_them_can_be_compared(world, script):
    ids = [str(report(script, status=status)["id"]) for status in ("succeeded", "failed")]
    page = world.client("vera").get("/p/acme/runs/compare", {"ids": ",".join(ids)}).content.decode()
    assert re.search(r"seo-validate\s+elsewhere", page)
    # They have no steps of which this could be said.
    assert "Every step was asked and answered the same" not in page


def test_the_same_key_reports_once_also_a_change(script):
    key = {"Idempotency-Key": "k1"}
    both = [script.post(API, {"task": "seo-validate"}, headers=key).json()["id"] for _ in range(2)]
    assert both[0] == both[1]
    url, end = f"{API}/{both[0]}", {"status": "succeeded"}
    answers = [script.patch(url, end, headers={"Idempotency-Key": "k2"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert Run.objects.count() == 1


def test_the_list_is_narrowed_and_paged(world, script):
    for status in ("running", "succeeded", "failed"):
        report(script, status=status)
    report(script, task="other")
    rows = script.get(API, {"task": "seo-validate", "status": "failed,succeeded"}).json()["results"]
    assert {row["status"] for row in rows} == {"failed", "succeeded"}
    first = script.get(API, {"limit": 3, "since": "-1h"}).json()
    rest = script.get(first["next"]).json()
    assert [len(first["results"]), len(rest["results"])] == [3, 1]
    assert len({row["id"] for row in [*first["results"], *rest["results"]]}) == 4
    assert script.get(API, {"status": "gone"}).status_code == 400
    assert world.api("mallory").get(API).json()["results"] == []
    assert len(script.get("/api/v1/runs", {"trigger": "external"}).json()["results"]) == 4


def test_the_list_costs_the_same_at_any_length(script, django_assert_max_num_queries):
    for _ in range(12):
        report(script)
    with django_assert_max_num_queries(5):
        assert len(script.get(API).json()["results"]) == 12


@pytest.mark.django_db(transaction=True)
def test_the_list_leaves_as_csv(script):
    report(script, status="failed")
    text = b"".join(script.get(f"{API}.csv", {"status": "failed"})).decode()
    head, row = text.splitlines()
    assert head.split(",")[:3] == ["id", "task", "status"]
    assert row.split(",")[1:3] == ["seo-validate", "failed"]


def test_a_workflow_that_is_archived_takes_no_reports(world, script):
    report(script, status="succeeded")
    archive_workflow(Workflow.objects.get(), by=world.actor("erin"))
    assert script.post(API, {"task": "seo-validate"}).status_code == 409


def test_viewers_read_and_others_see_nothing(world, script):
    task = report(script)
    assert world.api("vera").post(API, {"task": "x"}).status_code == 403
    assert world.api("vera").get(f"{API}/{task['id']}").status_code == 200
    assert world.api("mallory").patch(f"{API}/{task['id']}", {}).status_code == 404
