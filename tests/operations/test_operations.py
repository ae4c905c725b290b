"""Work in the background, over the API and in real processes."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from django.db import connection, transaction

from agents.actions import create_agent, create_tool, disable
from agents.models import Instance, Tool
from controlplane.domain.action import action
from controlplane.events.models import Event
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.bulk import work as bulk_work
from controlplane.operations.actions import start_operation
from controlplane.operations.carrying import sweep
from controlplane.operations.carrying.rows import LOST
from controlplane.operations.carrying.work import Work, work
from controlplane.operations.models import Operation, OperationRow
from runs.list.listing import RUNS
from runs.models import Run
from tests.runs.driving import wait_until
from tests.runs.test_worker_processes import process, working
from tests.world import make_run, make_runs, make_workflow
from workflows.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 230


@pytest.fixture
def workflow(world):
    return make_workflow(world.acme)


def ask(client, action: str, where: str = "runs", **more):
    return client.post(f"/api/v1/{where}/bulk", {"action": action, **more}, format="json")


def test_ids_are_acted_on_at_once_with_an_outcome_a_row(world, workflow):
    live, final = make_run(workflow, "queued"), make_run(workflow)
    answer = ask(world.api("bob"), "cancel_run", ids=[live.pk, final.pk])
    assert answer.status_code == 200
    said = answer.json()
    assert (said["status"], said["done"], said["refused"]) == ("partially_succeeded", 1, 1)
    assert [(row["id"], row["status"]) for row in said["rows"]] == [(live.pk, "done"), (final.pk, "refused")]
    assert "has ended" in said["rows"][1]["detail"]


def test_a_filter_is_that_of_the_list(world, workflow):
    make_runs(workflow, 2, "failed")
    spared = make_run(workflow)
    said = ask(world.api("bob"), "add_tags", filter={"status": ["failed"]}, arguments={"tags": ["look"]}).json()
    assert (said["done"], Run.objects.get(pk=spared.pk).tags) == (2, [])
    assert Run.objects.filter(tags=["look"]).count() == 2


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"ids": [1], "filter": {}},
        {"ids": []},
        {"ids": ["x"]},
        {"ids": [10**30]},
        {"ids": ["0" * 19 + "1" + "9" * 30]},
        {"filter": {"nonsense": "x"}},
        {"filter": {"limit": 1}},
        {"filter": {"cursor": "x"}},
        {"filter": {"status": "nonsense"}},
        {"filter": {"status": {"a": 1}}},
        {"ids": [1], "arguments": {}},
        {"ids": [1], "arguments": {"tags": "a", "more": 1}},
        {"ids": [1], "arguments": {"tags": ["\x00"]}},
        {"ids": [1], "action": "explode"},
    ],
)
def test_a_broken_request_makes_no_operation(world, workflow, sent):
    answer = ask(world.api("bob"), sent.pop("action", "add_tags"), **({"arguments": {"tags": ["a"]}} | sent))
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Operation.objects.exists()


def test_a_preview_over_the_api_changes_nothing(world, workflow):
    make_runs(workflow, 3, "queued")
    make_run(workflow)
    said = ask(world.api("bob"), "cancel_run", filter={}, preview=True).json()
    assert (said["total"], said["eligible"], said["reasons"][0]["count"]) == (4, 3, 1)
    assert not Operation.objects.exists()
    assert Run.objects.filter(state="queued").count() == 3


def test_agents_and_workflows_have_it_too(world, workflow):
    said = ask(world.api("erin"), "archive_workflow", "workflows", ids=[workflow.pk]).json()
    assert (said["done"], said["can_be_undone"]) == (1, True)
    undone = world.api("erin").post(f"/api/v1/operations/{said['id']}/undo")
    workflow.refresh_from_db()
    # Another token than the one that started it, of somebody who is no administrator.
    assert (undone.status_code, workflow.state) == (403, "archived")
    assert world.api("alice").post(f"/api/v1/operations/{said['id']}/undo").json()["done"] == 1
    workflow.refresh_from_db()
    assert workflow.state == "released"


def test_tools_and_instances_have_it_as_well(world):
    by, api = world.actor("erin"), world.api("erin")
    config = {"function": "text-embed"}
    tools = [create_tool(world.acme, name=name, kind="function", config=config, by=by) for name in ("one", "two")]
    disable(tools[1], by=by)
    said = ask(api, "disable", "tools", filter={}).json()
    assert (said["done"], said["refused"]) == (1, 1)
    assert not Tool.objects.filter(enabled=True).exists()
    instance = Instance.objects.create(project=world.acme, name="sales", engine="sqlite", sealed_url="", address="/x")
    assert ask(api, "add_tags", "instances", ids=[instance.pk], arguments={"tags": ["a"]}).json()["done"] == 1
    instance.refresh_from_db()
    assert instance.tags == ["a"]
    assert ask(world.api("bob"), "disable", "instances", ids=[instance.pk]).status_code == 403


def test_administrators_delete_workflows_together_but_none_that_has_runs(world, workflow):
    make_run(workflow)
    bare = make_workflow(world.acme, name="bare")
    ids = [workflow.pk, bare.pk]
    assert ask(world.api("erin"), "delete_workflow", "workflows", ids=ids).status_code == 403
    said = ask(world.api("alice"), "delete_workflow", "workflows", ids=ids).json()
    assert [row["status"] for row in said["rows"]] == ["refused", "done"]
    assert "which would be deleted too" in said["rows"][0]["detail"]
    assert [row.pk for row in Workflow.objects.all()] == [workflow.pk]


def test_more_rows_than_one_waits_for_go_to_a_worker(world, workflow):
    make_runs(workflow, MANY)
    client = world.api("bob")
    answer = ask(client, "add_tags", filter={}, arguments={"tags": ["a"]})
    said = answer.json()
    assert (answer.status_code, said["status"], said["total"], said["done"]) == (202, "queued", MANY, 0)
    assert not Run.objects.filter(tags=["a"]).exists()
    work(said["id"])
    said = client.get(f"/api/v1/operations/{said['id']}").json()
    assert (said["status"], said["done"]) == ("succeeded", MANY)
    assert Run.objects.filter(tags=["a"]).count() == MANY
    rows = client.get(f"/api/v1/operations/{said['id']}/rows?limit=1000").json()["results"]
    lines = list(csv.DictReader(io.StringIO(client.get(f"/api/v1/operations/{said['id']}/rows.csv").content.decode())))
    assert (
        {row["id"] for row in rows}
        == {int(line["id"]) for line in lines}
        == set(Run.objects.values_list("pk", flat=True))
    )
    assert Event.objects.filter(type="run.tagged").count() == MANY


def started(world, workflow, count: int = MANY, action: str = "add_tags") -> Operation:
    make_runs(workflow, count)
    verb = RUNS.bulk_action(action)
    operation = bulk.draft(RUNS, verb, Run.objects.order_by("pk"), project=world.acme, by=world.actor("bob"))
    return bulk.start(operation, by=world.actor("bob"), arguments={"tags": ["a"]} if verb.takes else {})


def test_a_operation_is_cancelled_before_its_next_row(world, workflow):
    operation = started(world, workflow)
    answer = world.client("bob").post(f"/p/acme/operations/{operation.pk}/cancellation")
    assert answer.status_code == 302
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.done) == ("cancelled", 0)
    assert set(operation.rows.values_list("state", flat=True)) == {"skipped"}
    assert world.client("bob").post(f"/p/acme/operations/{operation.pk}/cancellation").status_code == 409


def test_only_its_maker_and_administrators_cancel_it(world, workflow):
    operation = started(world, workflow)
    assert world.client("erin").post(f"/p/acme/operations/{operation.pk}/cancellation").status_code == 403
    assert world.client("alice").post(f"/p/acme/operations/{operation.pk}/cancellation").status_code == 302


def test_rights_count_as_they_are_when_the_work_begins(world, workflow):
    operation = started(world, workflow)
    world.acme.members.filter(user=world.bob).update(role="viewer")
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.done, operation.refused) == ("failed", 0, MANY)
    assert not Run.objects.filter(tags=["a"]).exists()


def test_who_left_the_project_changes_nothing_any_more(world, workflow):
    operation = started(world, workflow)
    world.acme.members.filter(user=world.bob).delete()
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.done) == ("failed", 0)
    assert "no access" in operation.message


def test_two_workers_do_not_share_a_operation(world, workflow):
    operation = started(world, workflow)
    assert Work(operation.pk).claim() is not None
    assert Work(operation.pk).claim() is None


def test_the_sweep_rings_for_what_nobody_has(world, workflow, settings):
    settings.ENGINE_RING_AGAIN_SECONDS = 0
    operation = started(world, workflow)
    assert sweep.ring_for_operations() == 1
    Work(operation.pk).claim()
    assert sweep.ring_for_operations() == 0
    Operation.objects.update(lease_until=operation.created_at)
    assert sweep.ring_for_operations() == 1


def test_old_operations_and_previews_are_forgotten_and_live_ones_never(world, workflow):
    live, old = started(world, workflow), started(world, workflow)
    work(old.pk)
    Operation.objects.update(expires_at=old.created_at)
    sweep.forget_old_operations()
    assert list(Operation.objects.values_list("pk", flat=True)) == [live.pk]


def test_a_preview_that_is_confirmed_while_it_expires_stays(world, workflow):
    verb, by = RUNS.bulk_action("retry_run"), world.actor("bob")
    operation = bulk.draft(RUNS, verb, [make_run(workflow).pk], project=world.acme, by=by)
    Operation.objects.update(expires_at=operation.created_at)

    def sweep_elsewhere() -> int:
        try:
            return sweep.forget_old_operations()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        start_operation(operation, by=by, arguments={})
        assert elsewhere.submit(sweep_elsewhere).result(20) == 0
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.done) == ("succeeded", 1)


def test_the_pages_show_progress_and_what_was_refused(world, workflow):
    operation = started(world, workflow)
    client = world.client("vera")
    page = client.get(f"/p/acme/operations/{operation.pk}/").content.decode()
    assert f'<progress class="operation-progress" max="{MANY}" value="0"' in page
    assert 'hx-trigger="every 1s"' in page
    Run.objects.filter(pk=operation.rows.first().object_id).update(tags=["a"])
    work(operation.pk)
    part = client.get(f"/p/acme/operations/{operation.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "It has these tags already." in part
    assert "every 1s" not in part
    assert f"Tag: {MANY - 1} done, 1 refused." in part
    assert f"Tag {MANY} runs" in client.get("/p/acme/operations/").content.decode()


def test_a_preview_is_no_operation_yet(world, workflow):
    run = make_run(workflow)
    with transaction.atomic():
        operation = bulk.draft(RUNS, RUNS.bulk_action("retry_run"), [run.pk], project=world.acme, by=world.actor("bob"))
    assert world.client("bob").get(f"/p/acme/operations/{operation.pk}/").status_code == 404
    assert world.api("bob").get("/api/v1/operations").json()["results"] == []


class WorkerEnded(BaseException):
    """As a kill does it: nothing is caught, nothing is given back."""


def with_verb(world, monkeypatch, verb, runs) -> Operation:
    """An operation that does `verb` to `runs`, begun and in nobody's hands."""
    monkeypatch.setattr(bulk_work, "find_listing", lambda _: replace(RUNS, bulk_actions=(verb,)))
    operation = bulk.draft(RUNS, verb, [run.pk for run in runs], project=world.acme, by=world.actor("bob"))
    return start_operation(operation, by=world.actor("bob"), arguments={})


def test_a_row_that_ends_its_worker_each_time_is_given_up_and_the_others_are_done(world, workflow, monkeypatch):
    runs = make_runs(workflow, 30)
    tried: list[int] = []

    @action(label="Try", role="operator")
    def ends_the_worker(run, *, by):
        tried.append(run.pk)
        if run.pk == runs[3].pk:
            raise WorkerEnded
        Run.objects.filter(pk=run.pk).update(tags=["done"])

    operation = with_verb(world, monkeypatch, ends_the_worker, runs)
    for _ in range(4):
        with suppress(WorkerEnded):
            work(operation.pk)
        Operation.objects.filter(state="running").update(lease_until=operation.created_at)
    operation.refresh_from_db()
    assert (operation.state, operation.done, operation.refused) == ("partially_succeeded", 29, 1)
    assert list(operation.rows.filter(state="refused").values_list("object_id", "detail")) == [(runs[3].pk, LOST)]
    assert Run.objects.filter(tags=["done"]).count() == 29
    assert tried.count(runs[3].pk) == 3
    assert len(tried) == 29 + 3


def test_a_row_that_went_with_another_one_is_not_acted_on(world, workflow, monkeypatch):
    runs = make_runs(workflow, 3)

    @action(label="Try", role="operator")
    def takes_the_next_with_it(run, *, by):
        Run.objects.filter(pk=runs[1].pk).delete()

    operation = with_verb(world, monkeypatch, takes_the_next_with_it, runs)
    work(operation.pk)
    assert list(operation.rows.values_list("state", flat=True)) == ["done", "refused", "done"]


def test_who_lost_a_operation_gives_up_nothing_of_whoever_has_it_now(world, workflow):
    operation = started(world, workflow)
    slow = Work(operation.pk)
    slow.claim()
    Operation.objects.update(lease_until=operation.created_at)
    assert Work(operation.pk).claim() is not None
    slow.give_up("It broke.")
    operation.refresh_from_db()
    assert (operation.state, operation.message) == ("running", "")
    assert set(operation.rows.values_list("state", flat=True)) == {"pending"}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_worker_does_nothing_twice_and_forgets_nothing(world, workflow):
    """500 retries; the worker is killed in the middle, another one goes on: one new run each."""
    operation = started(world, workflow, 500, "retry_run")
    done = OperationRow.objects.filter(operation=operation, state="done")
    environment = {"ENGINE_LEASE_SECONDS": "2", "ENGINE_RING_AGAIN_SECONDS": "1"}
    # Leaving the block kills them, with SIGKILL.
    with process("sweeper", **environment), process("worker", SPARKOPS_WORKER_NAME="first", **environment):
        wait_until(lambda: done.count() > 50, 60)
    before = done.count()
    assert 0 < before < 500
    with working("second", **environment):
        wait_until(lambda: not Operation.objects.get(pk=operation.pk).is_live, 90)
    operation.refresh_from_db()
    assert (operation.state, operation.done, operation.refused) == ("succeeded", 500, 0)
    retried = list(Run.objects.filter(trigger="retry").values_list("retry_of", flat=True))
    assert len(retried) == len(set(retried)) == 500


def test_tags_of_an_agent_are_a_version_of_it_and_go_again(world):
    given = {"name": "helper", "kind": "function", "config": {"function": "text-embed"}}
    agent = create_agent(world.acme, **given, by=world.actor("erin"))
    api = world.api("alice")
    said = ask(api, "add_tags", "agents", ids=[agent.pk], arguments={"tags": ["seen"]}).json()
    agent.refresh_from_db()
    assert (said["done"], agent.tags, agent.version_no, agent.revisions.count()) == (1, ["seen"], 2, 2)
    assert ask(world.api("bob"), "add_tags", "agents", ids=[agent.pk], arguments={"tags": ["x"]}).status_code == 403
    assert api.post(f"/api/v1/operations/{said['id']}/undo").json()["done"] == 1
    agent.refresh_from_db()
    assert agent.tags == []
