"""Two or more at the same instant, on real threads and real connections: one wins, nothing is lost or done twice."""

from __future__ import annotations

import random

import pytest
from django.db import transaction
from django.db.models.functions import Now

from controlplane.domain.errors import ActionRefused, NotFound
from controlplane.events.models import Event
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, delete_run, pause_run, resolve_step, resume_run, retry_run
from runs.engine.children import settle_child
from runs.engine.claim import Claimed, claim
from runs.engine.finish import finish, mark_sent
from runs.engine.outcome import Outcome
from runs.engine.work import execute_claimed, work
from runs.models import RUN_FINAL, Attempt, Run
from tests.runs.driving import (
    at_once,
    drain,
    event_types,
    events,
    lose_worker,
    refused,
    start,
    states,
    step,
    take,
)
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


def test_eight_workers_and_one_step(world):
    for _ in range(ROUNDS):
        run = start(world, step("a"))
        pk = run.steps.get().pk
        taken = at_once(*[lambda n=n: claim(pk, f"w{n}/1") for n in range(8)])
        [winner] = [each for each in taken if each is not None]
        assert isinstance(winner, Claimed)
        assert Attempt.objects.filter(step_id=pk).count() == 1
        assert event_types(run) == ["run.created", "run.started", "step.started"]
        finish(winner, Outcome("succeeded"))


def test_eight_workers_and_eight_steps_of_one_run(world):
    run = start(world, *[step(f"s{n}") for n in range(8)])
    pks = list(run.steps.values_list("pk", flat=True))
    at_once(*[lambda pk=pk: work(pk) for pk in pks])
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert [event.seq for event in events(run)] == list(range(1, run.last_seq + 1))


def test_a_cancel_and_a_finish(world):
    for _ in range(ROUNDS):
        run = start(world, step("a"), step("b", needs="a"))
        claimed = take(run, "a")
        at_once(
            lambda: finish(claimed, Outcome("succeeded"), take_next=False),
            lambda: cancel_run(run, by=world.actor("bob")),
        )
        run.refresh_from_db()
        assert (run.state, states(run)) == ("cancelled", {"a": "succeeded", "b": "cancelled"})


def test_a_cancel_and_the_last_finish(world):
    """Whoever is second hears of it: the run has one end."""
    ends = set()
    for _ in range(ROUNDS):
        run = start(world, step("a"))
        claimed = take(run, "a")
        outcomes = at_once(
            lambda: finish(claimed, Outcome("succeeded")), lambda: cancel_run(run, by=world.actor("bob"))
        )
        run.refresh_from_db()
        assert run.state in {"succeeded", "cancelled"}
        assert (run.state == "succeeded") == bool(refused(outcomes, ActionRefused))
        assert [type for type in event_types(run) if type.removeprefix("run.") in RUN_FINAL] == [f"run.{run.state}"]
        ends.add(run.state)


def test_a_pause_and_a_claim(world):
    for _ in range(ROUNDS):
        run = start(world, step("a"), step("b", needs="a"))
        pk = run.steps.get(key="a").pk
        claimed, _ = at_once(lambda: claim(pk, "w/1"), lambda: pause_run(run, by=world.actor("bob")))
        run.refresh_from_db()
        assert (run.state, states(run)["a"]) == (("paused", "queued") if claimed is None else ("running", "running"))
        if claimed:
            finish(claimed, Outcome("succeeded"))
            run.refresh_from_db()
        assert run.state == "paused"


def test_a_cancel_and_a_claim(world):
    for _ in range(ROUNDS):
        run = start(world, step("a"))
        pk = run.steps.get().pk
        claimed, _ = at_once(lambda: claim(pk, "w/1"), lambda: cancel_run(run, by=world.actor("bob")))
        run.refresh_from_db()
        assert run.state == ("cancelled" if claimed is None else "stopping")
        if claimed:
            assert not mark_sent(claimed)
            finish(claimed, Outcome("cancelled"))


@pytest.mark.parametrize("verbs", [(cancel_run, cancel_run), (pause_run, pause_run), (pause_run, cancel_run)])
def test_two_people_press_at_the_same_time(world, verbs):
    run = start(world, step("a"), step("b", needs="a"))
    claimed = take(run, "a")
    outcomes = at_once(*[lambda verb=verb: verb(run, by=world.actor("bob")) for verb in verbs])
    assert len(refused(outcomes, ActionRefused)) == (
        1 if verbs[0] is verbs[1] or isinstance(outcomes[0], Exception) else 0
    )
    finish(claimed, Outcome("succeeded"))


def test_two_resumes(world):
    run = start(world, step("a"))
    pause_run(run, by=world.actor("bob"))
    outcomes = at_once(*[lambda: resume_run(run, by=world.actor("bob"))] * 4)
    assert len(refused(outcomes, ActionRefused)) == 3
    assert event_types(run).count("run.resumed") == 1


def test_what_is_deleted_meanwhile_is_neither_retried_nor_deleted_again(world):
    """Whoever is second is refused, also inside a larger transaction, as under an Idempotency-Key."""
    for number in range(1, ROUNDS + 1):
        run = drain(start(world, step("a")))
        stale = [Run.objects.select_related("project", "workflow", "version").get(pk=run.pk) for _ in range(3)]
        made, *gone = at_once(
            lambda stale=stale: retry_run(stale[0], by=world.actor("bob")),
            *[lambda one=one: delete_run(one, by=world.actor("alice")) for one in stale[1:]],
        )
        assert len(refused(gone, NotFound)) == 1
        assert isinstance(made, Run | ActionRefused | NotFound)
        assert Event.objects.filter(type="run.deleted").count() == number
        with pytest.raises(NotFound, match="does not exist any more"):
            retry_run(run, by=world.actor("bob"))
        with transaction.atomic(), pytest.raises(NotFound, match="does not exist any more"):
            retry_run(run, by=world.actor("bob"))


def test_two_people_resolve_the_same_step(world):
    run = start(world, step("a"))
    mark_sent(take(run, "a"))
    lose_worker(run, "a")
    pk = run.steps.get().pk
    outcomes = at_once(
        *[
            lambda outcome=outcome: resolve_step(run.steps.get(pk=pk), outcome=outcome, by=world.actor("bob"))
            for outcome in ("succeeded", "failed", "run_again")
        ]
    )
    assert len(refused(outcomes, ActionRefused)) == 2
    assert event_types(run).count("step.reviewed") == 1


def test_four_sweepers_take_back_once(world):
    runs = [start(world, step("a"), step("b")) for _ in range(5)]
    for run in runs:
        for key in "ab":
            take(run, key)
        run.steps.update(lease_until=Now())
    swept = at_once(*[sweep] * 4)
    assert sum(each["taken_back"] for each in swept) == 10
    for run in runs:
        assert event_types(run).count("step.taken_back") == 2
        assert set(run.steps.values_list("losses", flat=True)) == {1}
        assert drain(run).state == "succeeded"


def test_four_sweepers_end_a_timer_and_time_out_a_run_once(world):
    timer = start(world, step("a", "wait", with_={"seconds": 60}))
    work(timer.steps.get().pk)
    timer.steps.update(due_at=Now())
    late = start(world, step("a"), timeout_seconds=60)
    Run.objects.filter(pk=late.pk).update(deadline_at=Now())
    swept = at_once(*[sweep] * 4)
    assert [sum(each[part] for each in swept) for part in ("timers", "timed_out")] == [1, 1]
    assert event_types(timer)[-1] == "run.succeeded"
    assert event_types(late)[-1] == "run.timed_out"


def test_a_late_worker_and_the_sweep(world):
    """The lease is over, the worker reports, the sweep takes back: one of them."""
    for _ in range(ROUNDS):
        run = start(world, step("a"))
        claimed = take(run, "a")
        run.steps.update(lease_until=Now())
        at_once(lambda: finish(claimed, Outcome("succeeded")), sweep)
        assert states(run)["a"] in {"succeeded", "queued"}
        assert drain(run).state == "succeeded"


def test_two_that_settle_the_same_child(world):
    make_workflow(world.acme, "child", {"steps": [step("a")]})
    run = start(world, step("call", "workflow:child"), step("after", needs="call"))
    pk = run.steps.get(key="call").pk
    work(pk)
    work(Run.objects.get(parent_step=pk).steps.get().pk)
    at_once(*[lambda: settle_child(pk)] * 4)
    assert event_types(run).count("step.succeeded") == 1
    assert drain(run).state == "succeeded"


def test_a_child_and_a_cancel_of_its_parent(world):
    make_workflow(world.acme, "child", {"steps": [step("a")]})
    for _ in range(ROUNDS):
        run = start(world, step("call", "workflow:child"))
        claimed = take(run, "call")
        at_once(lambda: execute_claimed(claimed), lambda: cancel_run(run, by=world.actor("bob")))
        drain(run)
        assert run.state == "cancelled"
        assert not Run.objects.live().exists()


def test_the_last_two_needs_of_a_join_end_together(world):
    for _ in range(ROUNDS):
        run = start(world, step("a"), step("b"), step("join", needs="a b"))
        both = [take(run, key) for key in "ab"]
        at_once(*[lambda claimed=claimed: finish(claimed, Outcome("succeeded"), take_next=False) for claimed in both])
        assert run.steps.get(key="join").state == "queued"
        assert event_types(run).count("step.queued") == 1
        assert drain(run).state == "succeeded"


def test_all_items_of_a_step_end_together(world):
    run = start(world, step("each", foreach=list(range(8))), step("after", needs="each"))
    claimed = [take(run, "each", index) for index in range(8)]
    at_once(*[lambda one=one: finish(one, Outcome("succeeded", output=one.index), take_next=False) for one in claimed])
    assert run.steps.get(key="each", index=None).output == list(range(8))
    assert drain(run).state == "succeeded"


def test_the_same_key_eight_times_makes_one_run(world):
    body, api = {"workflow": make_workflow(world.acme).pk, "inputs": {}}, world.api("bob")

    def post(key: str, **more: str):
        return api.post("/api/v1/runs", {**body, **more}, headers={"Idempotency-Key": key})

    for number in range(4):
        answers = at_once(*[lambda key=f"key-{number}": post(key)] * 8)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert Run.objects.count() == 4
    assert post("key-0", environment="staging").status_code == 422


def test_events_stay_gapless_under_everything_at_once(world):
    """Workers, sweepers and impatient people on the same few runs."""
    runs = [start(world, step("a"), *[step(f"b{n}", needs="a") for n in range(4)], step("end", needs="b0 b1 b2 b3"))
            for _ in range(6)]  # fmt: skip

    def worker() -> None:
        for _ in range(30):
            for run in random.sample(runs, 3):
                for pk in run.steps.filter(state="queued").values_list("pk", flat=True):
                    work(pk)

    def people() -> None:
        for _ in range(15):
            run = random.choice(runs)
            for verb in (pause_run, resume_run):
                try:
                    verb(run, by=world.actor("bob"))
                except ActionRefused:
                    continue

    outcomes = at_once(worker, worker, worker, people, people, sweep)
    assert refused(outcomes, Exception) == []
    for run in runs:
        run.refresh_from_db()
        if run.state == "paused":
            resume_run(run, by=world.actor("bob"))
        assert drain(run).state == "succeeded"
        assert [event.seq for event in events(run)] == list(range(1, run.last_seq + 1))
    assert Event.objects.filter(type="run.succeeded").count() == len(runs)
