"""One step, several tries: retries, limits of time, lost workers, late results, a database that goes away."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from agents.actions import create_agent, create_tool
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import is_away
from controlplane.domain.failures import Failure
from controlplane.portal.sweeping import sweep
from runs.actions import cancel_run
from runs.engine.finish import finish, mark_sent, next_state
from runs.engine.leases import Lease, Leases
from runs.engine.locked import locked_run
from runs.engine.logs import LogBuffer
from runs.engine.outcome import Outcome
from runs.engine.sql import run_statement
from runs.engine.sweep import MAX_LOSSES
from runs.engine.work import work
from runs.executors import noop
from runs.executors.context import StepContext
from runs.models import Attempt, Run, Worker
from tests.agents.model_server import calls_tools, model_server
from tests.agents.servers import LocalServer, Says
from tests.runs.driving import (
    at_once,
    drain,
    due_steps,
    error,
    event_types,
    events,
    function_tool,
    lose_worker,
    output,
    refused,
    start,
    states,
    step,
    take,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)
THRICE = {"max_attempts": 3, "backoff_seconds": 4, "factor": 10, "max_seconds": 100}
TIRED = Failure("Not now.", kind="tired")


def wait_after(run: Run, claimed, failure: Failure = TIRED) -> float:
    with locked_run(run.pk) as locked:
        return next_state(locked, claimed, Outcome("failed", failure=failure))[1]


@pytest.fixture
def web(settings):
    with LocalServer(Says({"ok": True})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        yield server


def http_tool(world, web, name: str = "post", **more):
    config = {"method": "POST", "url": f"{web.url}/{name}"}
    return create_tool(world.acme, name=name, kind="http", config=config, by=world.actor("erin"), **more)


class TestRetries:
    def test_a_step_is_tried_as_often_as_it_says(self, world):
        function_tool(world, "fail", "test-fail")
        run = drain(start(world, step("a", "tool:fail", retry=THRICE)))
        assert (run.state, error(run, "a")["type"]) == ("failed", "refused_by_test")
        assert [(each.number, each.state, each.error["message"]) for each in Attempt.objects.all()] == [
            (number, "failed", "No.") for number in (1, 2, 3)
        ]
        assert event_types(run).count("step.retrying") == 2

    def test_a_failure_that_trying_again_cannot_help_is_not_retried(self, world):
        function_tool(world, "fail", "test-fail")
        run = drain(start(world, step("a", "tool:fail", with_={"retryable": False}, retry=THRICE)))
        assert (run.state, Attempt.objects.count()) == ("failed", 1)

    def test_the_pause_grows_and_is_spread_out(self, world):
        run = start(world, step("a", retry=THRICE))
        claimed = take(run, "a")
        waits = [wait_after(run, claimed) for _ in range(50)]
        assert 2 <= min(waits) < max(waits) <= 4
        second = claimed.__class__(**{**vars(claimed), "attempt_no": 2})
        assert 20 <= wait_after(run, second) <= 40

    @pytest.mark.parametrize(("asked", "least", "most"), [(30, 30, 30), (1, 2, 4), (None, 2, 4), (10**9, 3600, 3600)])
    def test_a_server_that_asks_to_wait_is_waited_for(self, world, asked, least, most):
        run = start(world, step("a", retry=THRICE))
        busy = Failure("Busy.", kind="http_status", status=429, retry_after=asked)
        assert least <= wait_after(run, take(run, "a"), busy) <= most

    def test_retry_after_of_a_real_answer_is_heard(self, world, web):
        http_tool(world, web)
        web.answer = Says({}, status=429, headers={"Retry-After": "77"})
        run = start(world, step("a", "tool:post", retry=THRICE))
        work(run.steps.get().pk)
        assert run.steps.filter(state="retrying", due_at__gt=Now() + timedelta(seconds=70)).exists()
        assert next(event for event in events(run) if event.type == "step.retrying").data["due_in_seconds"] == 77

    def test_nothing_is_due_before_its_time(self, world):
        function_tool(world, "fail", "test-fail")
        run = start(world, step("a", "tool:fail", retry=THRICE))
        drain(run, hurry=False)
        assert (states(run)["a"], due_steps(run)) == ("retrying", [])
        work(run.steps.get().pk)
        assert Attempt.objects.count() == 1

    def test_a_cancel_ends_a_step_between_two_attempts(self, world):
        function_tool(world, "fail", "test-fail")
        run = drain(start(world, step("a", "tool:fail", retry=THRICE)), hurry=False)
        assert cancel_run(run, by=world.actor("bob")).state == "cancelled"
        assert states(run) == {"a": "cancelled"}


def test_a_call_that_takes_long_shows_what_was_asked_while_it_runs(world, web):
    http_tool(world, web)
    web.answer = Says(hold=True)
    run = start(world, step("a", "tool:post", with_={"why": "to see it"}))

    def look_and_cancel():
        wait_until(lambda: run.steps.get().request)
        assert (states(run)["a"], run.steps.get().request) == ("running", {"why": "to see it"})
        cancel_run(run, by=world.actor("bob"))

    at_once(lambda: work(run.steps.get().pk), look_and_cancel)


class TestUnknownOutcomes:
    """What must not be repeated, and may have happened."""

    def test_a_call_that_hangs_is_not_retried_but_asked_about(self, world, web):
        http_tool(world, web, timeout_seconds=1)
        web.answer = Says(hold=True)
        run = drain(start(world, step("a", "tool:post", retry=THRICE)))
        assert (run.state, states(run)["a"], len(web.asked)) == ("paused", "needs_review", 1)
        assert error(run, "a")["type"] == "timeout"

    def test_a_model_that_fails_after_its_tool_acted_is_asked_about(self, world, web, settings):
        down = Says({"error": {"message": "down"}}, status=500)
        with model_server(calls_tools(("post", {})), down) as model:
            settings.OUTBOUND_ALLOW = [web.address, model.address]
            http_tool(world, web)
            config = {"base_url": f"{model.url}/v1", "model": "scripted", "tools": ["post"]}
            create_agent(world.acme, name="worker", kind="llm", config=config, by=world.actor("erin"))
            run = drain(start(world, step("a", "agent:worker", with_={"prompt": "x"}, retry=THRICE)))
        assert (run.state, states(run)["a"], len(web.asked)) == ("paused", "needs_review", 1)

    def test_the_same_is_simply_tried_again_when_the_tool_may_be_repeated(self, world, web):
        http_tool(world, web, timeout_seconds=1, idempotent=True)
        web.answer = lambda asked: Says(hold=len(web.asked) == 1)
        run = drain(start(world, step("a", "tool:post", retry=THRICE)))
        assert (run.state, len(web.asked)) == ("succeeded", 2)
        assert len({asked.headers["idempotency-key"] for asked in web.asked}) == 1

    def test_a_step_with_one_attempt_is_asked_about_too(self, world, web):
        http_tool(world, web, timeout_seconds=1)
        web.answer = Says(hold=True)
        run = drain(start(world, step("a", "tool:post")))
        assert (run.state, error(run, "a")["type"]) == ("paused", "timeout")
        assert error(run, "a")["context"]["may_have_taken_effect"] is True

    def test_an_answer_that_refuses_is_known_and_may_be_tried_again(self, world, web):
        http_tool(world, web)
        web.answer = lambda asked: Says(status=429 if len(web.asked) == 1 else 200)
        assert drain(start(world, step("a", "tool:post", retry=THRICE))).state == "succeeded"

    def test_a_server_that_broke_may_have_done_it(self, world, web):
        http_tool(world, web)
        web.answer = Says(status=502)
        run = drain(start(world, step("a", "tool:post", retry=THRICE)))
        assert (run.state, states(run)["a"], len(web.asked)) == ("paused", "needs_review", 1)

    def test_a_call_that_never_left_is_a_plain_failure(self, world, web, settings):
        http_tool(world, web)
        settings.OUTBOUND_ALLOW = []
        run = drain(start(world, step("a", "tool:post")))
        assert (run.state, error(run, "a")["type"]) == ("failed", "address_refused")

    @pytest.mark.parametrize("way", ["crash", "sleep"])
    def test_a_function_that_broke_off_in_the_middle_is_asked_about(self, world, way):
        function_tool(world, way, f"test-{way}")
        run = drain(start(world, step("a", f"tool:{way}", with_={"seconds": 30}, timeout_seconds=1, retry=THRICE)))
        assert (run.state, states(run)["a"], Attempt.objects.count()) == ("paused", "needs_review", 1)

    def test_an_output_that_cannot_be_kept_after_the_call_is_asked_about(self, world, web, monkeypatch):
        def full(*_, **__):
            raise OSError("No space left on device")

        http_tool(world, web)
        monkeypatch.setattr(FileSystemStorage, "save", full)
        monkeypatch.setattr(settings, "ENGINE_OUTPUT_INLINE_BYTES", 1)
        run = drain(start(world, step("a", "tool:post", retry=THRICE)))
        assert (states(run)["a"], error(run, "a")["type"], len(web.asked)) == ("needs_review", "storage", 1)

    def test_a_cancel_says_when_the_call_may_have_taken_effect(self, world, web):
        http_tool(world, web)
        web.answer = Says(hold=True)
        run = start(world, step("a", "tool:post"))

        def cancel_in_flight():
            wait_until(lambda: web.asked)
            cancel_run(run, by=world.actor("bob"))

        at_once(lambda: work(run.steps.get().pk), cancel_in_flight)
        run.refresh_from_db()
        assert (run.state, error(run, "a")["type"]) == ("cancelled", "cancelled")
        assert "may have taken effect" in error(run, "a")["message"]

    def test_a_lost_worker_repeats_only_what_may_be_repeated(self, world, web):
        http_tool(world, web, "once")
        http_tool(world, web, "often", idempotent=True)
        run = start(world, step("risky", "tool:once"), step("safe", "tool:often"))
        risky, safe = take(run, "risky"), take(run, "safe")
        contexts = [context_of(claimed) for claimed in (risky, safe)]
        contexts[0].call_context(repeatable=False).before_send()
        contexts[1].call_context(repeatable=True).before_send()
        for key in ("risky", "safe"):
            lose_worker(run, key)
        assert states(run) == {"risky": "needs_review", "safe": "queued"}

    def test_a_cancelled_call_whose_worker_was_lost_says_that_it_may_have_taken_effect(self, world, web):
        http_tool(world, web)
        run = start(world, step("a", "tool:post"))
        context_of(take(run, "a")).call_context(repeatable=False).before_send()
        cancel_run(run, by=world.actor("bob"))
        lose_worker(run, "a")
        assert (states(run)["a"], error(run, "a")["type"]) == ("cancelled", "outcome_unknown")

    def test_a_lost_worker_that_had_not_called_is_simply_replaced(self, world, web):
        http_tool(world, web)
        run = start(world, step("a", "tool:post"))
        take(run, "a")
        lose_worker(run, "a")
        assert (drain(run).state, len(web.asked)) == ("succeeded", 1)

    def test_a_stop_is_heard_before_a_call_leaves(self, world):
        run = start(world, step("a"))
        claimed = take(run, "a")
        cancel_run(run, by=world.actor("bob"))
        assert not mark_sent(claimed)


class TestLostWorkers:
    def test_a_late_result_changes_nothing_and_is_told(self, world):
        run = start(world, step("a", "transform", with_="right"))
        late = take(run, "a")
        lose_worker(run, "a")
        drain(run)
        before = run.last_seq
        assert finish(late, Outcome("succeeded", output="wrong")) is None
        run.refresh_from_db()
        assert (run.state, output(run, "a"), run.last_seq) == ("succeeded", "right", before + 1)
        assert events(run)[-1].type == "step.late_result"
        assert [attempt.state for attempt in Attempt.objects.order_by("number")] == ["lost", "succeeded"]

    def test_a_step_that_kills_its_workers_is_given_up(self, world):
        run = start(world, step("a"), step("b", needs="a"))
        for _ in range(MAX_LOSSES):
            take(run, "a")
            lose_worker(run, "a")
        assert (drain(run).state, states(run)) == ("failed", {"a": "failed", "b": "skipped"})
        assert (error(run, "a")["type"], Attempt.objects.filter(state="lost").count()) == ("worker_lost", MAX_LOSSES)

    def test_a_lost_step_of_a_stopping_run_is_cancelled(self, world):
        run = start(world, step("a"))
        take(run, "a")
        cancel_run(run, by=world.actor("bob"))
        lose_worker(run, "a")
        assert drain(run).state == "cancelled"

    def test_a_worker_that_starts_again_frees_what_its_earlier_life_held(self, world):
        run = start(world, step("a"), step("b"), step("c"))
        take(run, "a", worker="w1/old")
        take(run, "b", worker="w1#77/old")
        take(run, "c", worker="w10/other")
        again = Leases()
        again.name = "w1"
        freed = set(again.void_earlier_life())
        assert freed == set(run.steps.filter(key__in="ab").values_list("pk", flat=True))

    def test_a_worker_that_was_away_for_long_is_forgotten_and_known_again_when_it_comes_back(self, world):
        leases = Leases()
        leases._start_beating = lambda: None
        leases.announce(queue="default", slots=8)
        Worker.objects.create(name="lately", boot="1", queue="default", slots=1)
        Worker.objects.filter(name=leases.name).update(seen_at=Now() - timedelta(hours=2))
        assert sweep()["workers_forgotten"] == 1
        assert list(Worker.objects.values_list("name", flat=True)) == ["lately"]
        leases.beat()
        assert Worker.objects.get(name=leases.name).slots == 8

    def test_a_beat_of_an_earlier_life_does_not_touch_the_present_one(self, world):
        leases = Leases()
        leases._start_beating = lambda: None
        leases.announce(queue="default", slots=8)
        Worker.objects.update(boot="later", busy=5)
        leases.beat()
        assert Worker.objects.get().busy == 5

    def test_an_old_attempt_that_ends_leaves_the_lease_of_the_new_one(self, world):
        """Both may be in one process: it was stopped for a while, then went on."""
        run = start(world, step("a"))
        leases = Leases()
        leases._start_beating = lambda: None
        held = []
        for _ in range(2):
            held.append(Lease(take(run, "a"), token(), buffer_of(run)))
            leases.hold(held[-1])
            run.steps.update(lease_until=Now() - timedelta(seconds=1))
            if len(held) == 1:
                sweep()
        leases.beat()
        assert (held[0].token.cancelled, held[1].token.cancelled) == (True, False)
        leases.drop(held[0])
        assert leases.held() == [held[1]]
        assert run.steps.filter(lease_until__gt=Now()).exists()

    def test_one_step_that_cannot_be_handled_does_not_stop_the_sweep(self, world, monkeypatch):
        broken, good = start(world, step("a")), start(world, step("a"))
        for run in (broken, good):
            take(run, "a")
            run.steps.update(lease_until=Now() - timedelta(seconds=1))
        Run.objects.filter(pk=broken.pk).update(version=None, definition={"steps": "broken"})
        broken.steps.update(losses=MAX_LOSSES)
        sweep()
        assert states(good) == {"a": "queued"}
        broken.delete()


class TestLimitsOfTime:
    def test_a_step_that_takes_too_long_fails_in_time(self, world):
        function_tool(world, "sleep", "test-sleep", idempotent=True)
        run = drain(start(world, step("a", "tool:sleep", with_={"seconds": 30}, timeout_seconds=1)))
        assert (run.state, error(run, "a")["type"]) == ("failed", "timeout")
        assert "the step's 1 second." in error(run, "a")["message"]
        assert run.duration.total_seconds() < 5

    def test_a_tool_s_own_limit_is_told_when_it_is_the_tighter_one(self, world):
        function_tool(world, "sleep", "test-sleep", idempotent=True, timeout_seconds=1)
        run = drain(start(world, step("a", "tool:sleep", with_={"seconds": 30}, timeout_seconds=20)))
        assert "the tool's 1 second." in error(run, "a")["message"]

    def test_a_server_that_takes_too_long_is_told_with_the_limit_that_ended_the_call(self, world, settings):
        with LocalServer(Says(hold=True)) as server:
            settings.OUTBOUND_ALLOW = [server.address]
            config = {"method": "GET", "url": server.url}
            create_tool(world.acme, name="slow", kind="http", config=config, idempotent=True, by=world.actor("erin"))
            run = drain(start(world, step("a", "tool:slow", timeout_seconds=0.5)))
        assert "the step's 0.5 seconds." in error(run, "a")["message"]

    def test_a_step_that_the_run_s_limit_ended_says_so(self, world):
        function_tool(world, "sleep", "test-sleep", idempotent=True)
        run = start(world, step("a", "tool:sleep", with_={"seconds": 30}), timeout_seconds=60)

        def overrun():
            wait_until(lambda: states(run)["a"] == "running")
            Run.objects.update(deadline_at=Now())
            sweep()

        at_once(lambda: work(run.steps.get().pk), overrun)
        run.refresh_from_db()
        assert run.state == "timed_out"
        assert error(run, "a")["message"] == "The work was stopped: the run's time limit was reached."

    def test_a_run_that_takes_too_long_is_stopped(self, world):
        run = start(world, step("a"), step("b", needs="a"), timeout_seconds=60)
        claimed = take(run, "a")
        Run.objects.update(deadline_at=Now())
        sweep()
        run.refresh_from_db()
        assert (run.state, run.control_reason) == ("stopping", "The run's time limit was reached.")
        finish(claimed, Outcome("cancelled", failure=TIRED))
        run.refresh_from_db()
        assert (run.state, states(run)) == ("timed_out", {"a": "cancelled", "b": "cancelled"})

    def test_a_cancel_just_before_the_limit_stays_a_cancel(self, world):
        run = start(world, step("a"), timeout_seconds=60)
        claimed = take(run, "a")
        cancel_run(run, by=world.actor("bob"))
        Run.objects.update(deadline_at=F("stop_requested_at") + timedelta(milliseconds=1))
        finish(claimed, Outcome("cancelled", failure=TIRED))
        run.refresh_from_db()
        assert run.state == "cancelled"

    def test_a_run_that_has_not_started_times_out_too(self, world):
        run = start(world, step("a"), timeout_seconds=60)
        Run.objects.update(deadline_at=Now())
        sweep()
        run.refresh_from_db()
        assert run.state == "timed_out"


class TestWorkThatDoesNotStop:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        monkeypatch.setattr("runs.engine.leases.GRACE_SECONDS", 0.3)
        monkeypatch.setattr(settings, "ENGINE_HEARTBEAT_SECONDS", 0.2)

    def test_its_step_fails_after_the_limit_and_a_grace(self, world):
        function_tool(world, "stubborn", "test-stubborn", idempotent=True)
        run = start(world, step("a", "tool:stubborn", with_={"seconds": 4}, timeout_seconds=0.2, retry=THRICE))
        work(run.steps.get().pk)
        run.refresh_from_db()
        assert (run.state, error(run, "a")["type"], Attempt.objects.count()) == ("failed", "timeout", 1)
        assert run.duration < timedelta(seconds=3.5)
        assert events(run)[-1].type == "step.late_result"

    def test_its_step_is_cancelled_a_grace_after_the_cancel(self, world):
        function_tool(world, "stubborn", "test-stubborn", idempotent=True)
        run = start(world, step("a", "tool:stubborn", with_={"seconds": 4}))

        def cancel_in_flight():
            wait_until(lambda: states(run)["a"] == "running")
            cancel_run(run, by=world.actor("bob"))

        at_once(lambda: work(run.steps.get().pk), cancel_in_flight)
        run.refresh_from_db()
        assert (run.state, states(run)["a"]) == ("cancelled", "cancelled")
        assert run.duration < timedelta(seconds=3.5)


class TestTimers:
    def test_a_wait_holds_no_worker_and_ends_by_itself(self, world):
        run = start(world, step("a", "wait", with_={"seconds": 60}), step("b", needs="a"))
        drain(run, hurry=False)
        assert states(run) == {"a": "waiting", "b": "pending"}
        assert sweep()["timers"] == 0
        run.steps.filter(key="a").update(due_at=Now())
        assert sweep()["timers"] == 1
        assert drain(run).state == "succeeded"

    def test_a_moment_is_waited_for_by_the_database_s_clock(self, world):
        moment = (timezone.now() + timedelta(hours=1)).isoformat()
        run = drain(start(world, step("a", "wait", with_={"until": moment})), hurry=False)
        left = run.steps.get().due_at - timezone.now()
        assert timedelta(minutes=59) < left < timedelta(minutes=61)

    def test_a_moment_without_a_zone_is_refused(self, world):
        run = drain(start(world, step("a", "wait", with_={"until": "2020-01-01T00:00:00"})), hurry=False)
        assert (run.state, error(run, "a")["type"]) == ("failed", "misconfigured")
        assert "with its zone" in error(run, "a")["message"]

    def test_a_moment_that_has_passed_does_not_wait(self, world):
        run = drain(start(world, step("a", "wait", with_={"until": "2020-01-01T00:00:00Z"})), hurry=False)
        assert run.state == "succeeded"

    @pytest.mark.parametrize("seconds", ["${{ 'soon' }}", "${{ 1.0e300 }}", "${{ 0.0 / 0.0 }}"])
    def test_an_impossible_wait_is_a_typed_failure(self, world, seconds):
        run = drain(start(world, step("a", "wait", with_={"seconds": seconds}, retry=THRICE)), hurry=False)
        assert (run.state, event_types(run).count("step.failed"), Attempt.objects.count()) == ("failed", 1, 0)
        assert error(run, "a")["type"] in {"misconfigured", "expression"}


class TestOurDatabase:
    def test_an_attempt_that_loses_it_is_given_back_and_done_again(self, world, monkeypatch):
        """As with a restart of PostgreSQL between claim and record."""
        tries = []

        def flaky(context):
            tries.append(context.claimed.attempt_no)
            if len(tries) == 1:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return Outcome("succeeded")

        monkeypatch.setattr(noop, "execute", flaky)
        run = start(world, step("a"))
        work(run.steps.get().pk)
        assert states(run) == {"a": "running"}
        assert sweep()["taken_back"] == 1
        assert (drain(run).state, tries) == ("succeeded", [1, 2])
        assert run.steps.get().losses == 0

    def test_a_deadlock_is_not_a_database_that_is_away(self, world):
        first, second = (start(world, step("a")).steps.get() for _ in range(2))
        meeting = threading.Barrier(2)

        def lock(steps):
            with transaction.atomic():
                run_statement("SELECT 1 FROM runs_steprun WHERE id = %(id)s FOR UPDATE", {"id": steps[0].pk})
                meeting.wait(timeout=20)
                run_statement("SELECT 1 FROM runs_steprun WHERE id = %(id)s FOR UPDATE", {"id": steps[1].pk})

        ended = at_once(lambda: lock([first, second]), lambda: lock([second, first]))
        victims = refused(ended, OperationalError)
        assert [is_away(error) for error in victims] == [False]

    def test_an_outcome_that_cannot_be_stored_fails_the_step(self, world, monkeypatch):
        monkeypatch.setattr(noop, "execute", lambda context: Outcome("succeeded", output="nul \x00"))
        run = drain(start(world, step("a")))
        assert (run.state, error(run, "a")["type"]) == ("failed", "not_storable")


def context_of(claimed):
    return StepContext(claimed=claimed, request={}, token=token(), log_buffer=None)


def token():
    return CancelToken()


def buffer_of(run):
    return LogBuffer(run_id=run.pk, step_id=run.steps.first().pk, attempt_no=1)
