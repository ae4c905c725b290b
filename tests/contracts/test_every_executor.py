"""What every kind of step promises: success, typed failures, limits of time, cancels that arrive, what is recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pkgutil import iter_modules
from typing import Any

import pytest
from django.db import connection

from agents.calls.tools import KINDS as CALLS
from agents.models import AgentKind, ToolKind
from runs import executors
from runs.actions import cancel_run
from runs.engine.work import work
from runs.executors import executor_of
from runs.models import Run
from tests.agents.catalogue import make_agent, make_instance, make_tool
from tests.agents.model_server import says_text
from tests.agents.servers import LocalServer, Says
from tests.runs.driving import (
    drain,
    error,
    event_types,
    function_tool,
    signal,
    start,
    states,
    step,
    take,
    wait_until,
)
from tests.world import make_workflow
from workflows.kinds import KINDS

pytestmark = pytest.mark.django_db(transaction=True)
USABLE = {kind.name for kind in KINDS.values() if not kind.unavailable}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@dataclass
class Stage:
    """Where a case plays: the world, a server to call, a folder for files."""

    world: Any
    web: LocalServer
    folder: Any


@dataclass(frozen=True)
class Case:
    """One kind of step. Each field makes what it needs on a Stage and returns the step's document.

    `slow` works until it is stopped; `calls` means that it asks `web`. `sent` is what
    somebody sends it, without which it would wait for ever.
    """

    name: str
    good: Callable[[Stage], dict]
    bad: Callable[[Stage], dict] | None = None
    slow: Callable[[Stage], dict] | None = None
    large: Callable[[Stage], dict] | None = None
    calls: bool = False
    sent: Any = None
    request: Any = field(default=None)

    @property
    def only_waits(self) -> bool:
        """No worker ever has it."""
        return KINDS[self.kind].inline

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]


def http_tool(stage: Stage, **more: Any) -> dict:
    # What must not be repeated is asked about when it fails half-way: tests/runs/test_attempts.py.
    make_tool(stage.world, "call", config={"method": "POST", "url": f"{stage.web.url}/x"}, idempotent=True, **more)
    return step("a", "tool:call", with_={"n": 1})


def slow_http_tool(stage: Stage) -> dict:
    stage.web.answer = Says(hold=True)
    return http_tool(stage)


def large_http_tool(stage: Stage) -> dict:
    stage.web.answer = Says(b"x" * (10 * 1024 * 1024 + 1))
    return http_tool(stage)


def function_step(function: str, **with_: Any) -> Callable[[Stage], dict]:
    def make(stage: Stage) -> dict:
        function_tool(stage.world, "call", function, idempotent=True)
        return step("a", "tool:call", with_=with_)

    return make


def sql_tool(sql: str, **with_: Any) -> Callable[[Stage], dict]:
    def make(stage: Stage) -> dict:
        make_instance(stage.world, stage.folder)
        make_tool(stage.world, "call", kind="sql", config={"instance": "sales", "sql": sql})
        return step("a", "tool:call", with_=with_)

    return make


def query(sql: str, **with_: Any) -> Callable[[Stage], dict]:
    def make(stage: Stage) -> dict:
        make_instance(stage.world, stage.folder)
        return step("a", "query", with_={"instance": "sales", "sql": sql, **with_})

    return make


def agent(kind: str, **config: Any) -> Callable[[Stage], dict]:
    def make(stage: Stage) -> dict:
        urls = {"llm": {"base_url": f"{stage.web.url}/v1", "model": "gpt-4o-mini"}, "http": {"url": stage.web.url}}
        if kind == "llm" and isinstance(stage.web.answer, Says) and not stage.web.answer.hold:
            stage.web.answer = says_text("hello")
        make_agent(stage.world, "helper", kind=kind, config={**urls.get(kind, {}), **config}, idempotent=True)
        return step("a", "agent:helper", with_={"prompt": "hello", **({"input": {"seconds": 60}} if config else {})})

    return make


def slow_agent(kind: str) -> Callable[[Stage], dict]:
    def make(stage: Stage) -> dict:
        stage.web.answer = Says(hold=True)
        return agent(kind)(stage)

    return make


def function_agent(stage: Stage) -> dict:
    make_agent(stage.world, "helper", kind="function", config={"function": "test-echo"})
    return step("a", "agent:helper", with_={"prompt": "hello"})


def broken_agent(stage: Stage) -> dict:
    document = agent("llm")(stage)
    return {**document, "with": {"prompt": "${{ '' }}"}}


def child(stage: Stage) -> dict:
    make_workflow(stage.world.acme, "child", {"steps": [step("only")]})
    return step("a", "workflow:child")


def slow_child(stage: Stage) -> dict:
    make_workflow(stage.world.acme, "child", {"steps": [step("only", "wait", with_={"seconds": 600})]})
    return step("a", "workflow:child")


CASES = [
    Case("noop", lambda stage: step("a")),
    Case("transform", lambda stage: step("a", "transform", with_={"n": "${{ 1 + 1 }}"}),
         bad=lambda stage: step("a", "transform", with_="${{ params.absent }}"),
         large=lambda stage: step("a", "transform", with_="${{ 'x'.repeat(1000000) }}")),
    Case("wait", lambda stage: step("a", "wait", with_={"seconds": 0.01}), request={"seconds": 0.01},
         bad=lambda stage: step("a", "wait", with_={"seconds": "${{ 'soon' }}"}),
         slow=lambda stage: step("a", "wait", with_={"seconds": 600})),
    Case("signal", lambda stage: step("a", "signal", with_={"message": "Go?"}), request={"message": "Go?"},
         sent={"go": True},
         bad=lambda stage: step("a", "signal", with_={"message": "${{ params.absent }}"}),
         slow=lambda stage: step("a", "signal"), large=lambda stage: step("a", "signal")),
    Case("workflow", child, request={}, slow=slow_child, bad=lambda stage: step("a", "workflow:gone")),
    Case("query", query("SELECT total FROM orders WHERE id = :id", params={"id": 2}),
         request={"instance": "sales", "sql": "SELECT total FROM orders WHERE id = :id", "params": {"id": 2},
                  "max_rows": 1000},
         bad=query("SELECT gone FROM orders"), slow=query(ENDLESS),
         large=query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                     "SELECT i, hex(zeroblob(8000)) FROM n", max_rows=100_000)),
    Case("tool:http", http_tool, calls=True, slow=slow_http_tool, large=large_http_tool,
         bad=lambda stage: {**http_tool(stage, input_schema={"required": ["who"]}), "with": {}}),
    Case("tool:function", function_step("test-echo", n=1), request={"function": "test-echo", "input": {"n": 1}},
         bad=lambda stage: {**http_tool(stage), "uses": "tool:call", "with": {"n": "${{ params.absent }}"}},
         slow=function_step("test-sleep", seconds=60), large=function_step("test-large", bytes=3_000_000)),
    Case("tool:sql", sql_tool("SELECT total FROM orders WHERE id = :id", id=2), slow=sql_tool(ENDLESS),
         bad=sql_tool("SELECT gone FROM orders")),
    Case("agent:llm", agent("llm"), slow=slow_agent("llm"), bad=broken_agent),
    Case("agent:http", agent("http"), calls=True, slow=slow_agent("http")),
    Case("agent:function", function_agent, slow=agent("function", function="test-sleep")),
]  # fmt: skip
NAMES = [case.name for case in CASES]


def having(part: str) -> Any:
    chosen = [case for case in CASES if getattr(case, part)]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


@pytest.fixture
def stage(world, settings, tmp_path):
    with LocalServer(Says({"ok": True})) as web:
        settings.OUTBOUND_ALLOW = [web.address]
        settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
        yield Stage(world, web, tmp_path)


def finished(case: Case, run: Run, sent: Any = None) -> Run:
    drain(run)
    if case.name == "signal":
        signal(run, "a", case.sent if sent is None else sent)
    return drain(run)


def test_every_kind_of_step_has_its_case():
    wanted = USABLE - {"tool", "agent"}
    assert set(NAMES) == wanted | {f"tool:{kind}" for kind in CALLS} | {f"agent:{kind}" for kind in AgentKind.values}
    assert set(CALLS) == set(ToolKind.values)


def test_every_kind_has_its_executor_and_every_executor_its_kind():
    modules = {module.name for module in iter_modules(executors.__path__)} - {"context"}
    assert modules == USABLE
    assert all(callable(executor_of(name)) for name in modules)


@having("good")
def test_it_succeeds_and_says_so(case, stage):
    run = finished(case, start(stage.world, case.good(stage)))
    assert (run.state, states(run), error(run, "a")) == ("succeeded", {"a": "succeeded"}, None)
    assert {"step.waiting" if case.only_waits else "step.started", "step.succeeded"} <= set(event_types(run))
    attempts = set(run.steps.get().attempts.values_list("state", flat=True))
    assert attempts <= {"succeeded", "waiting"}
    assert bool(attempts) != case.only_waits


@having("request")
def test_it_keeps_what_it_asked(case, stage):
    run = finished(case, start(stage.world, case.good(stage)))
    assert run.steps.get().request == case.request


@having("calls")
def test_a_call_is_kept_without_its_secrets_and_with_its_answer(case, stage):
    run = drain(start(stage.world, case.good(stage)))
    kept = run.steps.get()
    assert kept.output == {"ok": True}
    assert (kept.request["method"], kept.request["url"].startswith(stage.web.url)) == ("POST", True)


@having("bad")
def test_what_cannot_work_fails_once_with_its_kind(case, stage):
    """Trying again would not help, so it is not tried again."""
    run = drain(start(stage.world, {**case.bad(stage), "retry": {"max_attempts": 3}}))
    tried = 0 if case.only_waits else 1
    assert (run.state, states(run), run.steps.get().attempt_no) == ("failed", {"a": "failed"}, tried)
    kept = error(run, "a")
    assert kept["type"]
    assert kept["message"].endswith(".")
    assert kept["stack"] == ""


@having("slow")
def test_its_limit_of_time_holds(case, stage):
    if KINDS[case.kind].waits_for in {"time", "child"}:
        pytest.skip("holds no worker: see tests/runs for the limits of timers and children")
    run = start(stage.world, {**case.slow(stage), "timeout_seconds": 1})
    began = time.monotonic()
    wait_until(lambda: drain(run).is_final)
    assert time.monotonic() - began < 4
    assert (run.state, error(run, "a")["type"]) == ("failed", "timeout")


@having("slow")
def test_a_cancel_interrupts_it_and_the_worker_goes_on(case, stage):
    run = start(stage.world, case.slow(stage))
    pk = run.steps.get().pk
    worker = threading.Thread(target=work_apart, args=(pk,))
    worker.start()
    wait_until(lambda: Run.objects.get(pk=run.pk).steps.get().state in {"running", "waiting"})
    if case.calls or case.name == "agent:llm":
        assert stage.web.arrived.wait(10)
    asked = time.monotonic()
    cancel_run(run, by=stage.world.actor("bob"))
    worker.join(timeout=10)
    assert time.monotonic() - asked < 2
    drain(run, hurry=False)
    assert (run.state, states(run)) == ("cancelled", {"a": "cancelled"})
    assert drain(start(stage.world, step("next"))).state == "succeeded"


@having("calls")
def test_every_attempt_sends_the_same_key(case, stage):
    stage.web.answer = Says({}, status=503)
    run = drain(start(stage.world, {**case.good(stage), "retry": {"max_attempts": 3, "backoff_seconds": 0.1}}))
    keys = [asked.headers["idempotency-key"] for asked in stage.web.asked]
    assert keys == [f"{run.pk}:a"] * 3
    assert (run.state, error(run, "a")["type"], error(run, "a")["context"]["status"]) == ("failed", "http_status", 503)


@having("large")
def test_too_large_an_output_is_kept_apart_capped_or_refused(case, stage):
    run = finished(case, start(stage.world, case.large(stage)), sent="x" * 1_000_000)
    kept = run.steps.get()
    assert len(str(kept.output)) < 300_000
    if run.state == "failed":
        assert kept.error["type"] in {"response_too_large", "expression"}
    else:
        assert kept.output["size"] == run.artifacts.get().size > 256 * 1024


def test_a_lost_worker_is_replaced_whatever_the_kind(stage):
    """Before anything has left, every kind may simply be done again."""
    for number, case in enumerate(one for one in CASES[:5] if not one.only_waits):
        run = start(stage.world, case.good(stage), name=f"flow-{number}")
        take(run, "a")
        run.steps.update(lease_until="2020-01-01T00:00Z")
        assert drain(run).state == "succeeded"


def work_apart(pk: int) -> None:
    try:
        work(pk)
    finally:
        connection.close()
