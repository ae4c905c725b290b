"""Every verb of runs from every state, by every role: what is allowed, what is refused, who and why is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from controlplane.domain.errors import ActionRefused, InvalidInput, NotAllowed
from controlplane.portal.sweeping import sweep
from runs import actions
from runs.engine.finish import finish, mark_sent
from runs.engine.outcome import Outcome
from runs.engine.outputs import store_artifact
from runs.models import Run, RunState
from tests.runs.driving import drain, events, fails, lose_worker, start, states, step, take
from workflows.actions import delete_workflow

pytestmark = pytest.mark.django_db(transaction=True)

# State -> what each verb makes of it; a verb that is not named is refused there.
BECOMES = {
    "queued": {"cancel_run": "cancelled", "pause_run": "paused"},
    "running": {"cancel_run": "stopping", "pause_run": "running"},
    "paused": {"cancel_run": "cancelled", "resume_run": "running"},
    "stopping": {},
    "succeeded": {"retry_run": "succeeded", "delete_run": None},
    "partially_succeeded": {"retry_run": "partially_succeeded", "delete_run": None},
    "failed": {"retry_run": "failed", "delete_run": None},
    "cancelled": {"retry_run": "cancelled", "delete_run": None},
    "timed_out": {"retry_run": "timed_out", "delete_run": None},
}
VERBS = ["cancel_run", "pause_run", "resume_run", "retry_run", "delete_run"]
NEEDS = {verb: getattr(actions, verb).role for verb in VERBS}
RANK = {"vera": 0, "bob": 1, "anna": 2, "erin": 3, "alice": 4}


def run_in(world, state: str) -> Run:
    """A run that the engine itself has brought into `state`."""
    limits = {"timeout_seconds": 60} if state == "timed_out" else {}
    last = {"failed": [fails("end", needs="begin")],
            "partially_succeeded": [fails("end", needs="begin", on_error="continue")]}  # fmt: skip
    run = start(world, step("begin"), *last.get(state, [step("end", needs="begin")]), **limits)
    if state in {"succeeded", "failed", "partially_succeeded"}:
        return drain(run)
    if state in {"running", "stopping"}:
        take(run, "begin")
    if state in {"cancelled", "stopping"}:
        actions.cancel_run(run, by=world.actor("bob"))
    if state == "paused":
        drain_first_step_and_pause(world, run)
    if state == "timed_out":
        Run.objects.filter(pk=run.pk).update(deadline_at=Now())
        sweep()
    run.refresh_from_db()
    assert run.state == state
    return run


def drain_first_step_and_pause(world, run: Run) -> None:
    claimed = take(run, "begin")
    actions.pause_run(run, by=world.actor("bob"))
    finish(claimed, Outcome("succeeded"))


def test_the_table_knows_every_state():
    assert set(BECOMES) == set(RunState.values) - {RunState.WAITING_APPROVAL}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", BECOMES)
def test_a_verb_does_what_the_state_allows_and_is_refused_elsewhere(world, state, verb):
    run = run_in(world, state)
    before = events(run)
    call = getattr(actions, verb)
    if verb not in BECOMES[state]:
        with pytest.raises(ActionRefused, match=r"."):
            call(run, by=world.actor("alice"))
        assert len(events(run)) == len(before)
        assert Run.objects.get(pk=run.pk).state == state
        return
    made = call(run, by=world.actor("alice"))
    wanted = BECOMES[state][verb]
    assert (
        Run.objects.filter(pk=run.pk, state=wanted).exists() if wanted else not Run.objects.filter(pk=run.pk).exists()
    )
    if verb == "retry_run":
        assert (made.retry_of_id, made.trigger, made.inputs) == (run.pk, "retry", run.inputs)


@pytest.mark.parametrize("who", [*RANK, "mallory"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_needs_its_role_in_this_project(world, verb, who):
    state = next(state for state, verbs in BECOMES.items() if verb in verbs)
    run = run_in(world, state)
    ranks = ["viewer", "operator", "approver", "editor", "admin"]
    if who in RANK and RANK[who] >= ranks.index(NEEDS[verb]):
        getattr(actions, verb)(run, by=world.actor(who))
        return
    with pytest.raises(NotAllowed):
        getattr(actions, verb)(run, by=world.actor(who))
    assert Run.objects.get(pk=run.pk).state == state


@pytest.mark.parametrize("who", ["vera", "mallory"])
def test_starting_needs_an_operator_of_this_project(world, who):
    run = start(world, step("a"))
    with pytest.raises(NotAllowed):
        actions.start_run(run.workflow, inputs={}, by=world.actor(who))
    assert Run.objects.count() == 1


@pytest.mark.parametrize("verb", ["cancel_run", "pause_run"])
def test_who_and_why_are_kept(world, verb):
    run = run_in(world, "running")
    getattr(actions, verb)(run, reason="wrong data", by=world.actor("bob"))
    run.refresh_from_db()
    assert (run.control_by, run.control_reason) == ("bob", "wrong data")
    asked = next(event for event in events(run) if event.type.endswith("_requested"))
    assert (asked.actor, asked.user_id, asked.data["reason"]) == ("bob", world.bob.pk, "wrong data")


def test_a_refusal_says_who_was_first(world):
    run = run_in(world, "stopping")
    with pytest.raises(ActionRefused, match="bob asked for it"):
        actions.cancel_run(run, by=world.actor("alice"))


@pytest.mark.parametrize(
    ("outcome", "step_state", "run_state"),
    [("succeeded", "succeeded", "succeeded"), ("failed", "failed", "failed"), ("run_again", "succeeded", "succeeded")],
)
def test_a_step_of_unknown_outcome_goes_on_as_a_person_decides(world, outcome, step_state, run_state):
    run = unknown_outcome(world)
    resolved = actions.resolve_step(run.steps.get(key="risky"), outcome=outcome, output={"by": "hand"},
                                    note="looked it up", by=world.actor("bob"))  # fmt: skip
    assert resolved.state == ("queued" if outcome == "run_again" else outcome)
    assert (drain(run).state, states(run)["risky"]) == (run_state, step_state)
    review = next(event for event in events(run) if event.type == "step.reviewed")
    assert (review.actor, review.data["outcome"], review.data["note"]) == ("bob", outcome, "looked it up")
    if outcome == "succeeded":
        assert run.steps.get(key="after").output == {"by": "hand"}


@pytest.mark.parametrize("who", ["vera", "mallory"])
def test_only_operators_resolve(world, who):
    run = unknown_outcome(world)
    with pytest.raises(NotAllowed):
        actions.resolve_step(run.steps.get(key="risky"), outcome="failed", by=world.actor(who))


def test_a_step_that_waits_for_nobody_cannot_be_resolved(world):
    run = drain(start(world, step("a")))
    with pytest.raises(ActionRefused, match="does not wait for a review"):
        actions.resolve_step(run.steps.get(), outcome="failed", by=world.actor("bob"))


def test_an_unknown_resolution_names_the_field(world):
    run = unknown_outcome(world)
    with pytest.raises(InvalidInput) as problem:
        actions.resolve_step(run.steps.get(key="risky"), outcome="ignored", by=world.actor("bob"))
    assert problem.value.errors[0].field == "outcome"


def test_a_cancel_ends_a_run_that_waits_for_a_review(world):
    run = unknown_outcome(world)
    assert actions.cancel_run(run, by=world.actor("bob")).state == "cancelled"


def test_a_resume_waits_for_the_review(world):
    run = unknown_outcome(world)
    with pytest.raises(ActionRefused, match="risky needs a review first"):
        actions.resume_run(run, by=world.actor("bob"))


def test_a_pause_of_a_person_outlasts_the_review(world):
    """Only the pause that the review itself made ends with it."""
    run = start(world, step("risky"), step("beside"), step("after", needs="risky"))
    claimed = take(run, "risky")
    actions.pause_run(run, by=world.actor("bob"))
    mark(claimed)
    lose_worker(run, "risky")
    actions.resolve_step(run.steps.get(key="risky"), outcome="run_again", by=world.actor("bob"))
    assert drain(run).state == "paused"
    assert states(run) == {"risky": "queued", "beside": "queued", "after": "pending"}
    actions.resume_run(run, by=world.actor("bob"))
    assert drain(run).state == "succeeded"


def test_two_reviews_must_both_be_decided_before_anything_starts(world):
    run = start(world, step("one"), step("two"), step("end", needs="one two"))
    for key in ("one", "two"):
        mark(take(run, key))
    for key in ("one", "two"):
        lose_worker(run, key)
    actions.resolve_step(run.steps.get(key="one"), outcome="run_again", by=world.actor("bob"))
    assert states(drain(run)) == {"one": "queued", "two": "needs_review", "end": "pending"}
    actions.resolve_step(run.steps.get(key="two"), outcome="succeeded", by=world.actor("bob"))
    assert drain(run).state == "succeeded"


def unknown_outcome(world) -> Run:
    """A run whose step was lost after its call had left."""
    run = start(world, step("risky"), step("after", "transform", needs="risky", with_="${{ steps.risky.output }}"))
    mark(take(run, "risky"))
    lose_worker(run, "risky")
    run.refresh_from_db()
    assert (run.state, states(run)["risky"]) == ("paused", "needs_review")
    return run


def mark(claimed) -> None:
    """As an executor does before a call leaves that must not be repeated."""
    assert mark_sent(claimed)


class TestFiles:
    """What steps stored goes with what it belongs to."""

    @pytest.fixture
    def stored(self, world):
        """A finished run whose step keeps a file, and where that is."""
        run = drain(start(world, step("a")))
        file = store_artifact(
            b"{}", "report.json", "application/json", run_id=run.pk, step_id=run.steps.get().pk, attempt_no=1
        )
        return run, Path(file.file.path)

    def test_they_go_with_their_run(self, world, stored):
        run, path = stored
        assert path.exists()
        actions.delete_run(run, by=world.actor("alice"))
        assert not path.exists()

    def test_they_go_with_their_workflow(self, world, stored):
        run, path = stored
        delete_workflow(run.workflow, confirm=run.workflow.name, by=world.actor("alice"))
        assert not path.exists()

    def test_they_stay_when_the_deletion_does_not_come_about(self, world, stored):
        run, path = stored
        with transaction.atomic():
            actions.delete_run(run, by=world.actor("alice"))
            transaction.set_rollback(True)
        assert path.exists()


@pytest.mark.parametrize(("verb", "more"), [(actions.retry_run, {}), (actions.add_tags, {"tags": ["new"]})])
def test_a_row_of_bulk_work_asks_nothing_needless(world, verb, more):
    run = drain(start(world, step("a")))
    run = Run.objects.select_related("project", "workflow", "version", "agent").get(pk=run.pk)
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        verb(run, by=world.actor("bob"), **more)
    texts = [one["sql"] for one in asked.captured_queries]
    assert [text for text in texts if '"projects_project"' in text] == []
    # That of the verb: what bulk work undoes when the row is refused.
    assert sum(text.startswith("SAVEPOINT") for text in texts) == 1
