"""Starting: inputs are checked, versions are pinned, and what is refused leaves nothing behind."""

from __future__ import annotations

import pytest

from agents import actions as catalogue
from controlplane.domain.errors import ActionRefused, InvalidInput
from controlplane.events.models import Event
from runs.actions import retry_run, start_run
from runs.models import Run, StepRun
from tests.runs.driving import drain, due_steps, fails, function_tool, output, start, step
from tests.world import make_workflow
from workflows import actions as workflows

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = {
    "type": "object",
    "properties": {"days": {"type": "integer", "enum": [7, 14, 30], "default": 30}, "who": {"type": "string"}},
    "required": ["who"],
}


def test_defaults_are_filled_in(world):
    run = start(world, step("a"), params=DAYS, inputs={"who": "ada"})
    assert run.inputs == {"days": 30, "who": "ada"}


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({}, "inputs.who"),
        ({"who": 3}, "inputs.who"),
        ({"who": "x", "days": 8}, "inputs.days"),
        ({"who": "x", "other": 1}, "inputs.other"),
    ],
)
def test_wrong_inputs_name_their_field_and_leave_nothing(world, inputs, field):
    with pytest.raises(InvalidInput) as problem:
        start(world, step("a"), params=DAYS, inputs=inputs)
    assert [error.field for error in problem.value.errors] == [field]
    nothing_is_there()


@pytest.mark.parametrize(
    ("uses", "with_"),
    [
        ("tool:gone", {}),
        ("agent:gone", {"prompt": "x"}),
        ("query", {"instance": "gone", "sql": "SELECT 1"}),
    ],
)
def test_what_does_not_exist_refuses_the_start(world, uses, with_):
    with pytest.raises(InvalidInput, match="not there") as problem:
        start(world, step("a"), step("b", uses, with_=with_))
    assert "gone" in problem.value.errors[0].message
    nothing_is_there()


def test_a_tool_that_is_switched_off_refuses_the_start(world):
    tool = function_tool(world, "echo", "test-echo")
    catalogue.disable(tool, by=world.actor("erin"))
    with pytest.raises(InvalidInput, match="not there"):
        start(world, step("a", "tool:echo"))
    nothing_is_there()


@pytest.mark.parametrize("field", ["environment", "trigger"])
def test_unknown_choices_are_refused(world, field):
    with pytest.raises(InvalidInput) as problem:
        start(world, step("a"), **{field: "moon"})
    assert problem.value.errors[0].field == field


def test_tags_are_trimmed_unique_and_limited(world):
    assert start(world, step("a"), tags=[" x ", "y", "x", ""]).tags == ["x", "y"]
    for tags in (["t" * 51], [f"t{n}" for n in range(21)]):
        with pytest.raises(InvalidInput):
            start(world, step("a"), tags=tags)


def test_an_archived_or_unreleased_workflow_does_not_start(world):
    workflow = make_workflow(world.acme)
    run = drain(start_run(workflow, inputs={}, by=world.actor("bob")))
    workflows.archive_workflow(workflow, by=world.actor("erin"))
    workflow.refresh_from_db()
    with pytest.raises(ActionRefused, match="archived"):
        start_run(workflow, inputs={}, by=world.actor("bob"))
    run.refresh_from_db()
    with pytest.raises(ActionRefused, match="archived"):
        retry_run(Run.objects.get(pk=run.pk), by=world.actor("bob"))
    workflow.archived_at, workflow.current = None, None
    workflow.save()
    with pytest.raises(ActionRefused, match="no released version"):
        start_run(workflow, inputs={}, by=world.actor("bob"))


def test_the_first_steps_are_due_at_once_and_the_others_wait(world):
    run = start(world, step("a"), step("b"), step("c", needs="a b"))
    assert due_steps(run) == sorted(run.steps.filter(key__in="ab").values_list("pk", flat=True))
    assert run.steps.get(key="c").waiting_for == 2


def test_a_run_keeps_the_tool_it_started_with(world):
    tool = function_tool(world, "echo", "test-echo", idempotent=True)
    run = start(world, step("a"), step("call", "tool:echo", needs="a", with_={"n": 1}))
    catalogue.update_tool(tool, config={"function": "test-crash"}, by=world.actor("erin"))
    assert (drain(run).state, output(run, "call")["n"]) == ("succeeded", 1)
    assert drain(retry_run(run, by=world.actor("bob"))).state == "failed"


def test_a_run_keeps_the_version_it_started_with(world):
    run = start(world, step("a", "transform", with_="old"), step("b", needs="a"))
    workflow = run.workflow
    workflows.save_draft(
        workflow, text="steps: [{key: other, uses: noop}]", edits=workflow.edits, by=world.actor("erin")
    )
    workflows.release_draft(workflow, note="", by=world.actor("erin"))
    assert drain(run).state == "succeeded"
    assert set(run.steps.values_list("key", flat=True)) == {"a", "b"}


def test_a_test_run_keeps_the_draft_as_it_was(world):
    by = world.actor("erin")
    workflow = workflows.create_workflow(world.acme, name="w", description="", tags=[],
                                         text="steps: [{key: one, uses: transform, with: 1}]", by=by)  # fmt: skip
    run = start_run(workflow, inputs={}, draft=True, by=world.actor("bob"))
    workflow.refresh_from_db()
    workflows.save_draft(workflow, text="steps: [{key: two, uses: noop}]", edits=workflow.edits, by=by)
    assert (drain(run).state, run.trigger, run.version_id, output(run, "one")) == ("succeeded", "test", None, 1)
    again = drain(retry_run(run, by=world.actor("bob")))
    assert (again.state, output(again, "one")) == ("succeeded", 1)


def test_retries_of_retries_name_the_run_before_them(world):
    first = drain(start(world, fails("a"), tags=["x"], environment="staging"))
    second = drain(retry_run(first, by=world.actor("bob")))
    third = retry_run(second, by=world.actor("alice"))
    assert [second.retry_of_id, third.retry_of_id] == [first.pk, second.pk]
    assert (third.tags, third.environment, third.created_by, third.version_id) == (
        ["x"], "staging", "alice", first.version_id,
    )  # fmt: skip


def nothing_is_there() -> None:
    assert (Run.objects.count(), StepRun.objects.count()) == (0, 0)
    assert not Event.objects.filter(subject_kind="run").exists()
