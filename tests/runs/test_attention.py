"""A run that goes on only when a person has done something: when it does, what it is called, and its deadline."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.http import QueryDict
from django.utils import timezone

from controlplane.home.overview.domain import Overview
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run, pause_run, resolve_step, resume_run
from runs.engine.advance import Advance
from runs.engine.children import follow_attention
from runs.engine.finish import finish
from runs.engine.locked import locked_run
from runs.engine.outcome import Outcome
from runs.engine.waiting import Ending, settle_waiting
from runs.engine.work import work
from runs.list.filters import RunFilters
from runs.models import Run, StepRun
from tests.runs.driving import drain, event_types, function_tool, lose_worker, start, states, step, take
from tests.world import make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
FILL_IN = import_module("runs.migrations.0020_find_the_runs_that_need_attention").FILL_IN


@pytest.fixture(autouse=True)
def tool(world):
    function_tool(world, "risky", "test-echo")


def lose(run: Run, key: str = "risky") -> None:
    """Its worker dies after the call has left."""
    take(run, key)
    run.steps.filter(key=key).update(sent_at=Now())
    lose_worker(run, key)


def unknown(world, *steps: dict, **more) -> Run:
    """A run whose step `risky` waits for a review."""
    run = start(world, step("risky", "tool:risky"), *steps, **more)
    lose(run)
    run.refresh_from_db()
    return run


def gate(run: Run, key: str) -> StepRun:
    """As an approval would open it: a wait that only a person ends, without a pause of the run."""
    with locked_run(run.pk) as locked:
        run.steps.filter(key=key).update(waits_for="approval", due_at=None)
        locked.people_steps += 1
        locked.emit("step.waiting")
    run.refresh_from_db()
    return run.steps.get(key=key)


def decide(run: Run, key: str) -> None:
    with locked_run(run.pk) as locked:
        row = settle_waiting(locked, run.steps.get(key=key).pk, "approval", Ending("succeeded"))
        Advance(locked).after(row)
    run.refresh_from_db()


def gated(world, *steps: dict, **more) -> Run:
    """A run with a step `gate` that waits as long as the test likes."""
    run = start(world, step("gate", "wait", with_={"seconds": 600}), *steps, **more)
    gate(run, "gate")
    return run


class TestWhen:
    def test_a_review_is_all_that_is_left(self, world):
        run = unknown(world, step("after", needs="risky"))
        assert (run.state, run.shown_state, run.people_steps) == ("paused", "needs_attention", 1)
        assert event_types(run)[-1] == "run.needs_attention"
        resolve_step(run.steps.get(key="risky"), outcome="run_again", by=world.actor("bob"))
        run.refresh_from_db()
        assert (run.state, run.shown_state, run.people_steps) == ("running", "running", 0)
        assert drain(run).state == "succeeded"

    def test_while_another_step_works_it_is_not_yet(self, world):
        run = start(world, step("risky", "tool:risky"), step("beside"))
        claimed = take(run, "beside")
        lose(run)
        run.refresh_from_db()
        assert (run.state, run.shown_state, run.people_steps) == ("running", "running", 1)
        finish(claimed, Outcome("succeeded"))
        run.refresh_from_db()
        assert (run.state, run.shown_state) == ("paused", "needs_attention")
        cancel_run(run, by=world.actor("bob"))

    @pytest.mark.parametrize("beside", ["noop", "wait", "signal"])
    def test_what_comes_by_itself_is_waited_for_first(self, world, beside):
        more = {"with_": {"seconds": 600}} if beside == "wait" else {}
        run = gated(world, step("beside", beside, **more))
        assert (run.shown_state, run.steps.get(key="gate").shown_state) == ("running", "needs_attention")
        cancel_run(run, by=world.actor("bob"))

    def test_the_last_of_the_others_leaves_people_alone(self, world):
        run = gated(world, step("beside"))
        drain(run)
        assert (run.state, run.shown_state) == ("running", "needs_attention")
        decide(run, "gate")
        assert (run.state, run.shown_state) == ("succeeded", "succeeded")

    def test_what_a_decision_sets_free_goes_on_by_itself(self, world):
        run = gated(world, step("after", needs="gate"))
        assert run.shown_state == "needs_attention"
        decide(run, "gate")
        assert (run.shown_state, states(run)["after"]) == ("running", "queued")
        assert drain(run).state == "succeeded"

    def test_one_of_two_decisions_is_not_enough(self, world):
        run = gated(world, step("other", "wait", with_={"seconds": 600}))
        gate(run, "other")
        since = run.attention_since
        decide(run, "gate")
        assert (run.shown_state, run.attention_since, run.people_steps) == ("needs_attention", since, 1)
        decide(run, "other")
        assert run.shown_state == "succeeded"

    def test_a_cancel_is_the_end_of_it(self, world):
        run = unknown(world)
        cancel_run(run, by=world.actor("bob"))
        run.refresh_from_db()
        assert (run.shown_state, run.people_steps) == ("cancelled", 0)

    def test_a_person_s_pause_does_not_hide_it(self, world):
        run = gated(world)
        pause_run(run, by=world.actor("bob"))
        run.refresh_from_db()
        assert (run.state, run.shown_state) == ("paused", "needs_attention")
        decide(run, "gate")
        assert run.shown_state == "succeeded"


class TestDeadline:
    def left(self, run: Run) -> timedelta:
        run.refresh_from_db()
        return run.deadline_at - timezone.now()

    def long_ago(self, run: Run, *columns: str) -> None:
        """As if an hour had passed since then."""
        Run.objects.filter(pk=run.pk).update(**{name: F(name) - HOUR for name in (*columns, "deadline_at")})

    def test_waiting_for_a_person_does_not_count(self, world):
        run = gated(world, step("after", needs="gate"), timeout_seconds=60)
        self.long_ago(run, "attention_since")
        sweep()
        assert states(run)["gate"] == "waiting"
        decide(run, "gate")
        assert timedelta(seconds=30) < self.left(run) <= timedelta(seconds=60)
        assert drain(run).state == "succeeded"

    def test_what_is_waited_for_otherwise_does(self, world):
        run = gated(world, step("beside", "signal"), timeout_seconds=60)
        self.long_ago(run)
        sweep()
        assert drain(run).state == "timed_out"

    @pytest.mark.parametrize("first", ["decision", "resume"])
    def test_a_pause_and_a_person_are_counted_once(self, world, first):
        """Paused two hours ago, asked one hour ago: two hours, whichever ends first."""
        run = gated(world, step("after", needs="gate"), timeout_seconds=60)
        pause_run(run, by=world.actor("bob"))
        Run.objects.filter(pk=run.pk).update(
            attention_since=F("attention_since") - HOUR, pause_requested_at=F("pause_requested_at") - HOUR - HOUR,
            deadline_at=F("deadline_at") - HOUR - HOUR,
        )  # fmt: skip
        verbs = [lambda: decide(run, "gate"), lambda: resume_run(run, by=world.actor("bob"))]
        for verb in verbs if first == "decision" else reversed(verbs):
            sweep()
            verb()
        assert timedelta(seconds=30) < self.left(run) <= timedelta(seconds=60)
        assert drain(run).state == "succeeded"


class TestChildren:
    """Whoever waits for a run that waits for a person waits for that person too."""

    def waiting(self, world, **more) -> tuple[Run, Run]:
        make_workflow(world.acme, "child", {"steps": [step("risky", "tool:risky")]})
        run = drain_to_call(start(world, step("call", "workflow:child"), **more))
        child = Run.objects.get(parent_step__run=run)
        lose(child)
        follow_attention(child.parent_step_id)
        run.refresh_from_db()
        return run, child

    def test_the_parent_needs_attention_as_long_as_the_child(self, world):
        run, child = self.waiting(world)
        assert (run.state, run.shown_state, run.people_steps) == ("running", "needs_attention", 1)
        resolve_step(child.steps.get(), outcome="run_again", by=world.actor("bob"))
        follow_attention(child.parent_step_id)
        run.refresh_from_db()
        assert (run.shown_state, run.people_steps) == ("running", 0)
        assert drain(run).state == "succeeded"

    def test_the_sweep_sees_to_it_when_no_bell_came(self, world):
        run, child = self.waiting(world)
        with locked_run(run.pk) as locked:
            locked.people_steps, locked.is_changed = 0, True
        sweep()
        run.refresh_from_db()
        assert run.shown_state == "needs_attention"
        resolve_step(child.steps.get(), outcome="run_again", by=world.actor("bob"))
        sweep()
        run.refresh_from_db()
        assert run.shown_state == "running"
        assert drain(run).state == "succeeded"

    def test_the_decision_that_ends_the_child_ends_it(self, world):
        run, child = self.waiting(world)
        resolve_step(child.steps.get(), outcome="succeeded", by=world.actor("bob"))
        assert (drain(run).state, run.people_steps) == ("succeeded", 0)

    def test_the_parent_s_deadline_stands(self, world):
        run, child = self.waiting(world, timeout_seconds=60)
        Run.objects.filter(pk=run.pk).update(
            attention_since=F("attention_since") - HOUR, deadline_at=F("deadline_at") - HOUR
        )
        sweep()
        resolve_step(child.steps.get(), outcome="succeeded", by=world.actor("bob"))
        assert drain(run).state == "succeeded"

    def test_a_cancel_of_the_parent_reaches_the_child(self, world):
        run, child = self.waiting(world)
        cancel_run(run, by=world.actor("bob"))
        assert (drain(run).state, run.people_steps, run.attention_since) == ("cancelled", 0, None)
        child.refresh_from_db()
        assert child.state == "cancelled"


def drain_to_call(run: Run) -> Run:
    """Until its child run is there, and no further."""
    work(run.steps.get(key="call").pk)
    return run


class TestWords:
    """The same word wherever the run is told of; its state stays where scripts read it."""

    @pytest.fixture
    def run(self, world) -> Run:
        return unknown(world, step("after", needs="risky"))

    def test_pages_say_it_and_nothing_else(self, world, run):
        client = world.client("bob")
        listed = client.get("/p/acme/runs/").content.decode()
        page = client.get(f"/p/acme/runs/{run.pk}/").content.decode()
        panel = client.get(f"/p/acme/runs/{run.pk}/steps/{run.steps.get(key='risky').pk}/").content.decode()
        overview = client.get("/p/acme/").content.decode()
        for html in (listed, page, panel, overview):
            assert "Needs attention" in html
            assert "Needs review" not in html
        assert ">Paused<" not in listed.split("<table")[1]
        assert "asked to pause" not in page
        assert "Nothing is running" in overview
        assert "on hold" not in overview

    def test_it_has_a_tab_and_a_tile_of_its_own_and_is_in_no_other(self, world, run):
        counts = world.api("vera").get("/api/v1/runs/counts").json()["results"]
        assert {one["label"]: one["count"] for one in counts if one["count"]} == {"All": 1, "Needs attention": 1}
        tiles = {tile["label"]: tile["value"] for tile in Overview(world.acme).tiles()}
        assert (tiles["Running"], tiles["Needs attention"]) == ("0", "1")
        assert Overview(world.globex).attention == {}

    @pytest.mark.parametrize(
        ("query", "found"),
        [("", 1), ("status=needs_attention", 1), ("status=paused", 0), ("status=paused,needs_attention", 1),
         ("status=running,queued", 0), ("status=failed,needs_attention", 1), ("status=failed", 0)],
    )  # fmt: skip
    def test_scripts_find_it_by_that_word(self, world, run, query, found):
        api = world.api("vera")
        rows = api.get(f"/api/v1/runs?{query}").json()["results"]
        told = [(row["id"], row["status"], row["needs_attention"]) for row in rows]
        assert told == [(run.pk, "paused", True)] * found
        asked = api.get(f"/api/v1/runs.csv?{query}&columns=id,status,needs_attention")
        lines = b"".join(asked).decode().strip().splitlines()
        assert lines[1:] == [f"{run.pk},paused,yes"] * found

    def test_others_are_where_they_were(self, world, run):
        paused = start(world, step("a"))
        pause_run(paused, by=world.actor("bob"))
        rows = world.api("vera").get("/api/v1/runs?status=paused").json()["results"]
        assert [(row["id"], row["needs_attention"]) for row in rows] == [(paused.pk, False)]
        cancel_run(paused, by=world.actor("bob"))

    def test_the_search_and_the_admin_say_it_too(self, world, run):
        found = world.api("vera").get(f"/api/v1/search?q={run.pk}").json()
        assert "needs attention" in str(found)

    def test_only_states_that_may_need_it_are_asked_whether_they_do(self, world):
        """So that tabs of a million runs are counted within their index."""
        for query, asks in (("failed,succeeded,queued", False), ("running,stopping", True), ("needs_attention", True)):
            rows = RunFilters(QueryDict(f"status={query}"), Run.objects.all(), who=world.actor("vera")).matching()
            assert ("attention_since" in str(rows.values("pk").query)) == asks


def test_runs_of_before_are_filled_in(world):
    run, going = unknown(world), start(world, step("a"))
    Run.objects.update(people_steps=0, attention_since=None)
    with connection.cursor() as cursor:
        cursor.execute(FILL_IN)
    run.refresh_from_db()
    going.refresh_from_db()
    assert (run.people_steps, run.attention_since) == (1, run.pause_requested_at)
    assert (going.people_steps, going.attention_since) == (0, None)
    drain(going)
