"""Replay: what holds is taken over, what does not runs again, and what the preview said is what happens."""

from __future__ import annotations

import pytest

from controlplane.domain.errors import ActionRefused, InvalidInput, NotAllowed
from runs.actions import cancel_run, delete_run, replay_run, start_run
from runs.models import Artifact, Run
from runs.replay.domain import likely_start, prepare_replay
from tests.runs.driving import (
    at_once,
    broken_invariants,
    drain,
    due_steps,
    event_types,
    events,
    fails,
    function_tool,
    output,
    refused,
    start,
    states,
    step,
    take,
)
from workflows.models import Version, VersionState

pytestmark = pytest.mark.django_db(transaction=True)
PARAMS = {"type": "object", "properties": {"days": {"type": "integer", "default": 7}, "who": {"type": "string"}}}


def chain(world, **more) -> Run:
    """a reads days, b reads a, c reads nothing of the inputs, d needs b and c."""
    return drain(
        start(
            world,
            step("a", "transform", with_="${{ params.days * 2 }}"),
            step("b", "transform", needs="a", with_="${{ steps.a.output + 1 }}"),
            step("c", "transform", with_={"fixed": 1}),
            step("d", "transform", needs="b c", with_="${{ [steps.b.output, steps.c.output.fixed] }}"),
            params=PARAMS,
            inputs={"days": 7},
            outputs={"all": "${{ steps.d.output }}"},
            **more,
        )
    )


def released(run: Run, *steps: dict, **more) -> Version:
    """The next version of the run's workflow, released beside the one that ran."""
    number = run.workflow.versions.count() + 1
    document = {"steps": list(steps), "params": PARAMS, **more}
    return run.workflow.versions.create(number=number, state=VersionState.RETIRED, text="", document=document,
                                        created_by="erin", released_at="2026-01-01T00:00Z")  # fmt: skip


def decisions(run: Run, **choice) -> dict[str, str]:
    return {decision.key: decision.outcome for decision in prepare_replay(run, **choice).decisions}


def reasons(run: Run, **choice) -> dict[str, str]:
    return {decision.key: decision.reason for decision in prepare_replay(run, **choice).decisions}


def test_what_stands_before_is_taken_over_and_the_rest_runs_again(world):
    run = chain(world)
    assert decisions(run, step="b") == {"a": "reuse", "b": "rerun", "c": "reuse", "d": "rerun"}
    made = replay_run(run, step="b", by=world.actor("bob"))
    assert states(made) == {"a": "succeeded", "b": "queued", "c": "succeeded", "d": "pending"}
    assert broken_invariants() == {}
    drain(made)
    assert (made.state, made.outputs) == ("succeeded", {"all": [15, 1]})
    assert (made.trigger, made.retry_of_id, made.replayed_from) == ("replay", run.pk, "b")
    assert dict(made.steps.values_list("key", "reused")) == {"a": True, "b": False, "c": True, "d": False}
    assert made.steps.get(key="a").attempts.count() == 0


def test_the_events_say_what_was_reused_and_are_numbered_without_gaps(world):
    run = chain(world)
    made = drain(replay_run(run, step="d", by=world.actor("bob")))
    assert event_types(made)[0] == "run.created"
    assert sorted(event.data["step"] for event in events(made) if event.type == "step.reused") == ["a", "b", "c"]
    assert [event.seq for event in events(made)] == list(range(1, made.last_seq + 1))


def test_inputs_that_changed_run_again_what_reads_them_and_what_follows(world):
    run = chain(world)
    assert reasons(run, step="d", inputs={"days": 8}) == {
        "a": "it reads days, which changed",
        "b": "after a",
        "c": "",
        "d": "chosen",
    }
    made = drain(replay_run(run, step="d", inputs={"days": 8}, by=world.actor("bob")))
    assert made.outputs == {"all": [17, 1]}
    assert decisions(run, step="d", inputs={"days": 7, "who": "x"})["a"] == "reuse"


def test_a_step_that_reads_the_inputs_as_a_whole_reads_each_of_them(world):
    run = drain(start(world, step("a", "transform", with_="${{ params }}"), step("b", needs="a"),
                      params=PARAMS, inputs={"days": 7}))  # fmt: skip
    assert decisions(run, step="b", inputs={"days": 7, "who": "x"})["a"] == "invalid"


def test_what_was_done_under_the_number_of_the_run_is_done_again(world):
    """A later step would look for it under the number of the new run."""
    run = drain(start(world, step("a", "transform", with_="${{ run.id }}"), step("b", needs="a"), step("c", needs="b")))
    assert reasons(run, step="c")["a"] == "it reads run.id, which each run has of its own"
    made = drain(replay_run(run, step="c", by=world.actor("bob")))
    assert (output(made, "a"), made.steps.filter(reused=True).count()) == (made.pk, 0)
    run = drain(start(world, step("a", "transform", with_="${{ run.environment }}"), step("b", needs="a")))
    assert decisions(run, step="b")["a"] == "reuse"


def test_a_definition_that_changed_runs_again(world):
    run = chain(world)
    version = released(
        run,
        step("a", "transform", with_="${{ params.days * 2 }}", retry={"max_attempts": 3}),
        step("b", "transform", needs="a", with_="${{ steps.a.output + 100 }}"),
        step("new", needs="a"),
        step("d", "transform", needs="b new", with_="${{ steps.b.output }}"),
        outputs={"all": "${{ steps.d.output }}"},
    )
    choice = {"step": "d", "version": version.number}
    assert reasons(run, **choice) == {
        "a": "",
        "b": "its definition changed",
        "new": "it is new in this version",
        "d": "chosen",
    }
    made = drain(replay_run(run, **choice, by=world.actor("bob")))
    assert (made.version, made.outputs) == (version, {"all": 114})


def test_what_did_not_succeed_is_never_reused(world):
    run = drain(
        start(world, fails("a", on_error="continue"), step("b"), step("s", when="false"), step("c", needs="a b"))
    )
    assert reasons(run, step="c") == {"a": "it was failed", "b": "", "s": "it was skipped", "c": "chosen"}
    made = drain(replay_run(run, step="c", by=world.actor("bob")))
    assert states(made) == {"a": "failed", "b": "succeeded", "s": "skipped", "c": "succeeded"}


def test_a_failed_run_goes_on_where_it_failed(world):
    run = drain(start(world, step("a"), fails("b", needs="a"), step("c", needs="b")))
    assert likely_start(run) == "b"
    made = drain(replay_run(run, step="b", by=world.actor("bob")))
    assert (made.state, states(made)) == ("failed", {"a": "succeeded", "b": "failed", "c": "skipped"})


def test_conditions_and_foreach_right_behind_reused_steps_are_decided_at_once(world):
    run = drain(
        start(
            world,
            step("a", "transform", with_=[1, 2, 3]),
            step("each", "transform", needs="a", foreach="${{ steps.a.output }}", with_="${{ item * 2 }}"),
            step("never", needs="a", when="size(steps.a.output) > 5"),
            step("sum", "transform", needs="each", with_="${{ steps.each.output }}"),
        )
    )
    made = replay_run(run, step="each", by=world.actor("bob"))
    assert states(made)["never"] == "skipped"
    assert output(drain(made), "sum") == [2, 4, 6]
    again = replay_run(made, step="sum", by=world.actor("bob"))
    assert states(again)["each"] == "succeeded"
    assert again.steps.filter(index__isnull=False).count() == 0
    assert output(drain(again), "sum") == [2, 4, 6]


def test_a_run_that_ends_at_once_has_its_end(world):
    run = drain(start(world, step("a"), step("b", needs="a", when="params.go", ), params={
        "type": "object", "properties": {"go": {"type": "boolean", "default": True}}}))  # fmt: skip
    made = replay_run(run, step="b", inputs={"go": False}, by=world.actor("bob"))
    assert (made.state, states(made)) == ("succeeded", {"a": "succeeded", "b": "skipped"})


def test_a_large_output_is_shared_and_outlives_the_first_run(world):
    function_tool(world, "large", "test-large", idempotent=True)
    run = drain(start(world, step("a", "tool:large", with_={"bytes": 600_000}),
                      step("b", "transform", needs="a", with_="${{ size(steps.a.output) }}")))  # fmt: skip
    [artifact] = run.artifacts.all()
    made = replay_run(run, step="b", by=world.actor("bob"))
    [copy] = made.artifacts.all()
    assert (copy.file.name, output(made, "a")["$artifact"]) == (artifact.file.name, copy.pk)
    delete_run(run, by=world.actor("alice"))
    assert output(drain(made), "b") == 600_000
    storage, name = copy.file.storage, copy.file.name
    assert storage.exists(name)
    delete_run(Run.objects.get(pk=made.pk), by=world.actor("alice"))
    assert (storage.exists(name), Artifact.objects.count()) == (False, 0)


def test_a_replay_costs_only_what_runs_again(world):
    run = chain(world)
    run.steps.filter(key="a").update(cost_usd="0.5", input_tokens=7)
    Run.objects.filter(pk=run.pk).update(cost_usd="0.5", input_tokens=7)
    made = drain(replay_run(run, step="d", by=world.actor("bob")))
    assert (made.cost_usd, made.input_tokens) == (0, 0)


def test_a_test_of_a_draft_is_replayed_as_it_was(world):
    flow = chain(world).workflow
    text = '{"steps": [{"key": "x", "uses": "noop"}, {"key": "y", "uses": "noop", "needs": ["x"]}]}'
    flow.versions.create(number=2, state="draft", text=text, format="json", document={}, created_by="erin")
    Version.objects.filter(workflow=flow, number=2).update(document={"steps": [step("x"), step("y", needs="x")]})
    run = drain(start_run(flow, inputs={}, draft=True, by=world.actor("bob")))
    made = drain(replay_run(run, step="y", by=world.actor("bob")))
    assert (made.version, made.state, made.steps.get(key="x").reused) == (None, "succeeded", True)


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_run_that_has_not_ended_is_not_replayed(world, state):
    run = start(world, step("a"), step("b", needs="a"))
    if state == "running":
        take(run, "a")
    Run.objects.filter(pk=run.pk, state="queued").update(state=state if state != "running" else "queued")
    run.refresh_from_db()
    with pytest.raises(ActionRefused):
        replay_run(run, step="a", by=world.actor("bob"))
    Run.objects.filter(pk=run.pk, state="paused").update(state="queued")
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"step": "z"}, "step"),
        ({"step": ""}, "step"),
        ({"step": "a", "version": 9}, "version"),
        ({"step": "a", "inputs": {"days": "x"}}, "inputs.days"),
        ({"step": "a", "inputs": {"other": 1}}, "inputs.other"),
    ],
)
def test_a_wrong_choice_is_named(world, choice, field):
    run = chain(world)
    with pytest.raises(InvalidInput) as refusal:
        replay_run(run, **choice, by=world.actor("bob"))
    assert [error.field for error in refusal.value.errors] == [field]
    assert Run.objects.count() == 1


@pytest.mark.parametrize("who", ["vera", "mallory"])
def test_it_needs_an_operator_of_this_project(world, who):
    run = chain(world)
    with pytest.raises(NotAllowed):
        replay_run(run, step="a", by=world.actor(who))
    assert Run.objects.count() == 1


def test_a_run_of_an_archived_workflow_is_not_replayed(world):
    run = chain(world)
    run.workflow.archived_at = "2026-01-01T00:00Z"
    run.workflow.save()
    with pytest.raises(ActionRefused):
        replay_run(run, step="a", by=world.actor("bob"))


def test_a_replay_and_the_deletion_of_what_it_replays(world):
    """Either it has everything that it took over, or it does not exist."""
    function_tool(world, "large", "test-large", idempotent=True)
    for _ in range(4):
        run = drain(start(world, step("a", "tool:large", with_={"bytes": 300_000}),
                          step("b", "transform", needs="a", with_="${{ size(steps.a.output) }}")))  # fmt: skip
        made, _ = at_once(
            lambda run=run: replay_run(run, step="b", by=world.actor("bob")),
            lambda run=run: delete_run(Run.objects.get(pk=run.pk), by=world.actor("alice")),
        )
        assert not Run.objects.filter(pk=run.pk).exists()
        if isinstance(made, Run):
            assert output(drain(made), "b") == 300_000
        else:
            assert isinstance(made, ActionRefused)


def test_many_replays_at_once_are_as_many_runs(world):
    run = chain(world)
    made = at_once(*[lambda: replay_run(run, step="d", by=world.actor("bob")) for _ in range(4)])
    assert refused(made, Exception) == []
    assert {drain(one).state for one in made} == {"succeeded"}
    assert Run.objects.filter(retry_of=run).count() == 4


def test_a_replay_is_cancelled_like_any_run(world):
    made = replay_run(chain(world), step="b", by=world.actor("bob"))
    cancel_run(made, by=world.actor("bob"))
    assert states(made) == {"a": "succeeded", "b": "cancelled", "c": "succeeded", "d": "cancelled"}
    assert due_steps(made) == []


def test_the_api_previews_and_replays(world):
    run = chain(world)
    url = f"/api/v1/runs/{run.pk}/replay"
    said = world.api("vera").get(url, {"step": "d", "inputs": '{"days": 9}'}).json()
    assert [(one["key"], one["outcome"]) for one in said["steps"]] == [
        ("a", "invalid"), ("b", "rerun"), ("c", "reuse"), ("d", "rerun")]  # fmt: skip
    assert Run.objects.count() == 1
    bob = world.api("bob")
    answers = [bob.post(url, {"step": "d"}, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert (answers[0].json()["trigger"], answers[0].json()["replayed_from"]) == ("replay", "d")
    assert bob.post(url, {"step": "zz"}, format="json").status_code == 400
    steps = bob.get(f"/api/v1/runs/{answers[0].json()['id']}/steps").json()["results"]
    assert {one["key"]: one["reused"] for one in steps} == {"a": True, "b": True, "c": True, "d": False}


def test_the_page_shows_it_before_the_click_and_both_runs_know_each_other_after(world):
    run, client = chain(world), world.client("bob")
    url = f"/p/acme/runs/{run.pk}/replay"
    html = client.get(f"{url}?step=d").content.decode()
    assert "3 reused, 1 run again." in html
    html = client.post(url, {"step": "d", "version": "1", "inputs": '{"days": 9}', "preview": "1"}).content.decode()
    assert "it reads days, which changed" in html
    assert Run.objects.count() == 1
    wrong = client.post(url, {"step": "d", "version": "1", "inputs": "{"})
    assert (wrong.status_code, b"This is not JSON" in wrong.content) == (422, True)
    client.post(url, {"step": "d", "version": "1", "inputs": '{"days": 9}'})
    made = Run.objects.get(retry_of=run)
    assert f"Run {made.pk}</a>" in client.get(f"/p/acme/runs/{run.pk}/").content.decode()
    html = client.get(f"/p/acme/runs/{made.pk}/").content.decode()
    assert "Replay, from d, of" in html
    assert f"Run {run.pk}</a>" in html
