"""The overview tells the truth about a project, quickly, and only to those who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane.home.overview.domain import Overview
from controlplane.projects.models import Project
from runs.models import Run, RunState, StepRun, Worker
from tests.world import make_run, make_runs, make_workflow

pytestmark = pytest.mark.django_db
PARTS = ["tiles", "running", "failures", "charts", "queue", "activity"]


@pytest.fixture
def workflow(world):
    return make_workflow(world.acme)


def ended(workflow, state: str, ago: timedelta, seconds: float = 2, **fields) -> Run:
    at = timezone.now() - ago
    times = {"created_at": at - timedelta(seconds=seconds), "started_at": at - timedelta(seconds=seconds)}
    return make_run(workflow, state, ended_at=at, **times, **fields)


def add_step(run: Run, key: str, state: str, **fields) -> StepRun:
    lease = {"lease_until": timezone.now()} if state == "running" else {}
    return StepRun.objects.create(run=run, key=key, position=0, uses="noop", state=state, **lease, **fields)


def page_of(world, name: str = "bob", path: str = "") -> str:
    """The page with its white space as a browser shows it."""
    response = world.client(name).get(f"/p/acme/{path}")
    assert response.status_code == 200, response.content
    return " ".join(response.content.decode().split())


def test_it_shows_what_runs_and_how_far_it_is(world, workflow):
    run = make_run(workflow, RunState.RUNNING)
    add_step(run, "fetch", "succeeded")
    add_step(run, "store", "running", progress={"done": 3, "total": 1200})
    add_step(run, "notify", "pending")
    html = page_of(world)
    assert f"#{run.pk} nightly" in html
    assert "1 of 3 steps · store 3 of 1,200" in html
    assert 'width="33%"' in html


def test_what_goes_through_items_says_how_many_are_left(world, workflow):
    run = make_run(workflow, RunState.RUNNING)
    add_step(run, "each", "waiting", waits_for="items", open_items=7)
    add_step(run, "each", "running", index=0)
    assert "0 of 1 step · each 7 left" in page_of(world)


def test_it_shows_what_failed_with_its_error_and_a_way_to_retry(world, workflow):
    error = {"type": "http_status", "message": "The server <answered> 500.", "step": "fetch"}
    run = make_run(workflow, RunState.FAILED, error=error)
    make_run(workflow, RunState.SUCCEEDED)
    part = page_of(world, path="overview/failures")
    assert "fetch: The server &lt;answered&gt; 500." in part
    assert f"/p/acme/runs/{run.pk}/retry" in part
    assert part.count("feed__item") == 1


def test_a_viewer_sees_failures_without_a_retry_button(world, workflow):
    run = make_run(workflow, RunState.FAILED, error={"message": "It broke."})
    part = page_of(world, "vera", "overview/failures")
    assert "It broke." in part
    assert f"/p/acme/runs/{run.pk}/retry" not in part


def test_runs_are_counted_in_the_hour_they_ended_by_the_projects_clock(world, workflow):
    ended(workflow, RunState.SUCCEEDED, timedelta())
    ended(workflow, RunState.FAILED, timedelta(hours=3))
    ended(workflow, RunState.CANCELLED, timedelta(hours=3))
    ended(workflow, RunState.SUCCEEDED, timedelta(hours=30))
    page = Overview(world.acme)
    drawn = {series["name"]: series["values"] for series in page.throughput["series"]}
    succeeded, failed, cancelled = drawn["Succeeded"], drawn["Failed"], drawn["Cancelled"]
    assert (succeeded[-1], sum(succeeded)) == (1, 1)
    assert (failed[-4], sum(failed)) == (cancelled[-4], sum(cancelled)) == (1, 1)
    assert page.success["series"][0]["values"][-4:] == [0.0, None, None, 100.0]
    assert page.range.labels[-1] == timezone.localtime(timezone=page.range.zone).strftime("%H:00")
    assert str(page.range.zone) == "Europe/Berlin"


def test_a_week_is_shown_in_quarters_of_days(world, workflow):
    ended(workflow, RunState.SUCCEEDED, timedelta(hours=30))
    page = Overview(world.acme, "7d")
    assert len(page.range.buckets) == 28
    assert {bucket.start.hour % 6 for bucket in page.range.buckets} == {0}
    assert page.ended.total.ended == {"succeeded": 1}


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"])
def test_every_run_of_the_window_has_a_bar_in_every_zone(world, workflow, zone):
    Project.objects.filter(pk=world.acme.pk).update(time_zone=zone)
    for hours in range(23):
        ended(workflow, RunState.SUCCEEDED, timedelta(hours=hours))
    page = Overview(Project.objects.get(pk=world.acme.pk))
    assert sum(page.throughput["series"][0]["values"]) == page.ended.total.runs == 23


def test_success_leaves_out_what_people_cancelled(world, workflow):
    for state in (RunState.SUCCEEDED, RunState.SUCCEEDED, RunState.TIMED_OUT, RunState.FAILED, RunState.CANCELLED):
        ended(workflow, state, timedelta(minutes=1))
    assert Overview(world.acme).ended.total.success_rate == 0.5
    assert Overview(world.globex).ended.total.success_rate is None


def test_the_median_is_of_what_ended_lately(world, workflow):
    for seconds in (1, 3, 90):
        ended(workflow, RunState.SUCCEEDED, timedelta(minutes=1), seconds)
    ended(workflow, RunState.SUCCEEDED, timedelta(days=2), 5000)
    assert Overview(world.acme).median_ms == 3000
    assert Overview(world.globex).median_ms is None


def test_the_queue_tells_what_waits_and_for_how_long(world, workflow):
    run = make_run(workflow, RunState.RUNNING)
    long_ago = timezone.now() - timedelta(minutes=5)
    add_step(run, "first", "queued", queued_at=long_ago, due_at=long_ago)
    add_step(run, "second", "queued", queued_at=timezone.now(), due_at=timezone.now())
    add_step(run, "third", "needs_review", waits_for="review")
    make_run(make_workflow(world.globex), RunState.RUNNING)
    steps = Overview(world.acme).steps
    assert (steps["queued"].count, steps["queued"].oldest) == (2, long_ago)
    assert steps["needs_review"].count == 1
    assert {found.count for found in Overview(world.globex).steps.values()} == {0}


def test_silent_workers_are_marked_and_long_gone_ones_left_out(world, workflow):
    make_run(workflow)
    now = timezone.now()
    for name, ago in (("alive", 1), ("silent", 60), ("gone", 7200)):
        Worker.objects.create(name=name, boot="1", queue="default", slots=50, seen_at=now - timedelta(seconds=ago))
    assert {one.name: one.is_stale for one in Overview(world.acme).workers} == {"alive": False, "silent": True}
    part = page_of(world, path="overview/queue")
    assert part.count("Stale") == 1
    assert "0 of 50" in part


def test_without_a_worker_it_says_so(world, workflow):
    make_run(workflow)
    assert "No worker is running" in page_of(world)


def test_a_project_without_runs_is_shown_the_way(world):
    assert "Write a workflow" in page_of(world, "erin")
    make_workflow(world.acme)
    html = page_of(world)
    assert "Start the first run" in html
    assert "/p/acme/runs/new" in html


def test_nobody_is_sent_where_their_role_does_not_reach(world):
    assert "Write a workflow" not in page_of(world, "bob")
    make_workflow(world.acme)
    html = page_of(world, "vera")
    assert "as soon as somebody starts a workflow" in html
    assert "/p/acme/runs/new" not in html


def test_the_demo_is_named_to_those_who_may_see_it(world):
    Project.objects.create(slug="demo", name="Demo")
    assert "/p/demo/" not in page_of(world)
    world.bob.is_superuser = True
    world.bob.save()
    assert 'href="/p/demo/">The demo project' in page_of(world)


def test_only_members_see_it(world, workflow):
    make_run(workflow)
    assert world.client("mallory").get("/p/acme/").status_code == 404
    assert world.client("mallory").get("/p/acme/overview/running").status_code == 404
    assert world.client().get("/p/acme/").status_code == 302


def test_nothing_of_another_project_is_in_it(world, workflow):
    make_run(make_workflow(world.globex, "theirs"), RunState.FAILED, error={"message": "Theirs broke."})
    make_run(make_workflow(world.globex, "their-other"), RunState.RUNNING)
    make_run(workflow)
    assert "their" not in page_of(world).lower().replace("with their error", "")


@pytest.mark.parametrize("name", PARTS)
def test_each_part_comes_alone_and_refreshes_itself(world, workflow, name):
    make_run(workflow)
    part = page_of(world, path=f"overview/{name}?window=6h")
    assert f'id="overview-{name}"' in part
    assert f'hx-get="/p/acme/overview/{name}' in part
    assert "data-live-refresh=" in part
    assert "<html" not in part


def test_an_unknown_part_or_window_is_refused(world, workflow):
    assert world.client("bob").get("/p/acme/overview/all").status_code == 404
    assert world.client("bob").get("/p/acme/?window=2y").status_code == 400
    response = world.api("bob").get("/api/v1/overview?window=2y")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "window")


def test_the_number_of_queries_does_not_grow_with_the_rows(world, workflow):
    def queries() -> int:
        client = world.client("bob")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get("/p/acme/").status_code == 200
        return len(captured)

    make_run(workflow, RunState.RUNNING)
    make_run(workflow, RunState.FAILED, error={"message": "It broke."})
    few = queries()
    for run in make_runs(workflow, 5, RunState.RUNNING):
        add_step(run, "only", "running")
    make_runs(workflow, 20, RunState.FAILED, error={"message": "It broke."})
    make_runs(workflow, 200)
    assert queries() == few
    assert few <= 20


def test_the_api_gives_the_same_figures(world, workflow):
    run = make_run(workflow, RunState.RUNNING)
    add_step(run, "store", "running")
    broken = make_run(workflow, RunState.FAILED, error={"message": "It broke."})
    ended(workflow, RunState.SUCCEEDED, timedelta(hours=2))
    answer = world.api("vera").get("/api/v1/overview?project=acme").json()
    assert (answer["live"]["running"], answer["ended"]) == (1, {"failed": 1, "succeeded": 1})
    assert answer["success_rate"] == 0.5
    assert len(answer["buckets"]) == 24
    assert answer["buckets"][-1]["failed"] == 1
    assert answer["running"][0] | {"current": ["store"], "steps": 1} == answer["running"][0]
    assert [one["id"] for one in answer["failed"]] == [broken.pk]
    assert answer["steps"]["running"]["count"] == 1
    assert datetime.fromisoformat(answer["since"]) <= timezone.now() - timedelta(hours=23)


def test_the_api_shows_a_project_only_to_its_members(world):
    assert world.api("mallory").get("/api/v1/overview?project=acme").status_code == 404
    assert world.api("bob").get("/api/v1/overview?color=red").status_code == 400
