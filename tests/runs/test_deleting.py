"""What belongs to a run goes with it, whoever deletes it, and what lost its run or step is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from runs.actions import delete_run
from runs.engine.invariants import INVARIANTS, violations
from runs.models import Artifact, Attempt, Call, LogChunk, Run, StepRun
from tests.architecture.test_run_ids import CHILDREN, unbound
from tests.runs.driving import drain, function_tool, start, step
from tests.world import World, make_workflow
from workflows.actions import delete_workflow

pytestmark = pytest.mark.django_db(transaction=True)
LOST_STEP = "what belongs to a step belongs to a step of its run"
LOST_PARENT = "a run that a step started was started by a step of its parent run"
TABLES: list[type[models.Model]] = [StepRun, Attempt, Call, LogChunk, Artifact]


def everything(world: World, settings) -> Run:
    """A run with items, logs, calls, files and a run that it started, which has them as well."""
    settings.ENGINE_OUTPUT_INLINE_BYTES = 100
    steps = [step("log", "tool:log", with_={"lines": 3}), step("large", "tool:large", with_={"bytes": 500})]
    make_workflow(world.acme, f"child-{Run.objects.count()}", {"steps": steps})
    call = step("call", f"workflow:child-{Run.objects.count()}", needs="log large")
    run = drain(start(world, *steps, step("each", "transform", foreach="${{ [1, 2] }}"), call))
    assert run.state == "succeeded"
    return run


def rows(run_ids: set[int]) -> dict[str, int]:
    return {table.__name__: table._default_manager.filter(run_id__in=run_ids).count() for table in TABLES}


def delete_by_action(run: Run, world: World) -> None:
    delete_run(run, by=world.actor("alice"))


def delete_with_workflow(run: Run, world: World) -> None:
    delete_workflow(run.workflow, confirm=run.workflow.name, by=world.actor("alice"))


def delete_by_queryset(run: Run, world: World) -> None:
    Run.objects.filter(pk=run.pk).delete()


@pytest.mark.parametrize("delete", [delete_by_action, delete_with_workflow, delete_by_queryset])
def test_nothing_is_left_of_a_run_and_of_those_that_it_started(world, settings, delete: Callable[[Run, World], None]):
    for name in ("log", "large"):
        function_tool(world, name, f"test-{name}")
    gone, kept = everything(world, settings), everything(world, settings)
    both = {gone.pk, Run.objects.get(parent_run=gone).pk}
    others = {kept.pk, Run.objects.get(parent_run=kept).pk}
    files = [(artifact.file.storage, artifact.file.name) for artifact in Artifact.objects.filter(run_id__in=both)]
    assert all(rows(both).values()), "each table has something of it"
    before = rows(others)
    with CaptureQueriesContext(connection) as made:
        delete(gone, world)
    assert set(Run.objects.values_list("pk", flat=True)) == others
    assert rows(both) == dict.fromkeys(rows(both), 0)
    assert [table._default_manager.count() for table in TABLES] == list(rows(others).values())
    assert rows(others) == before
    assert not any(storage.exists(name) for storage, name in files)
    deletions = [query["sql"] for query in made if query["sql"].startswith("DELETE")]
    # Artifacts are deleted one by one, for the sake of their files; a workflow asks for calls of its own as well.
    of_children = [sql for sql in deletions if any(table in sql for table in CHILDREN - {"runs_artifact"})]
    assert len(of_children) >= len(TABLES) - 1
    assert [sql for sql in of_children if unbound(sql) and "workflow_id" not in sql] == []


def test_what_lost_its_step_or_its_parent_is_found(world, settings):
    for name in ("log", "large"):
        function_tool(world, name, f"test-{name}")
    run = everything(world, settings)
    with transaction.atomic():
        run.steps.filter(key__in=["log", "large", "call"]).delete()
        found = {one.name: violations(one) for one in INVARIANTS if one.name in (LOST_STEP, LOST_PARENT)}
        transaction.set_rollback(True)
    assert {row["belongs"] for row in found[LOST_STEP]} == {"runs_attempt", "runs_logchunk", "runs_artifact"}
    assert [row["parent_run_id"] for row in found[LOST_PARENT]] == [run.pk]
