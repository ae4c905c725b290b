"""Every call of a tool or an agent that ended is counted once, with what it took and cost."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest
from django.db import connection

from agents.actions import create_agent, create_instance, create_tool
from agents.models import Instance
from runs.engine.finish import finish
from runs.engine.outcome import Outcome
from runs.models import Call, Run
from tests.agents.model_server import calls_tools, model_server, says_text
from tests.runs.driving import drain, function_tool, start, step, take

pytestmark = pytest.mark.django_db(transaction=True)
WHICH = {"type": "object", "properties": {"which": {"type": "string"}}}


@pytest.fixture
def instance(world, tmp_path):
    sqlite3.connect(tmp_path / "shop.db").close()
    return create_instance(
        world.acme, name="files", engine="sqlite", url=str(tmp_path / "shop.db"), by=world.actor("alice")
    )


def test_a_step_that_calls_a_tool_is_counted(world):
    tool = function_tool(world, "echo", "test-echo", cost_usd="0.25")
    run = drain(start(world, step("ask", "tool:echo")))
    call = Call.objects.get()
    assert (call.tool, call.agent, call.run, call.workflow) == (tool, None, run, run.workflow)
    assert (call.outcome, call.cost_usd) == ("succeeded", Decimal("0.25"))
    attempt = run.steps.get().attempts.get()
    assert call.ended_at == attempt.ended_at
    assert call.duration_ms == pytest.approx((attempt.ended_at - attempt.started_at).total_seconds() * 1000, abs=1)


def test_each_attempt_is_a_call_and_tells_how_it_failed(world):
    function_tool(world, "fail", "test-fail")
    drain(start(world, step("ask", "tool:fail", retry={"max_attempts": 3})))
    assert list(Call.objects.values_list("outcome", flat=True)) == ["refused_by_test"] * 3


def test_items_are_calls_and_what_spreads_them_is_none(world):
    function_tool(world, "echo", "test-echo")
    drain(start(world, step("each", "tool:echo", foreach=[1, 2, 3])))
    assert Call.objects.count() == 3


def test_an_agent_of_the_same_name_in_another_project_is_not_counted(world):
    given = {"name": "worker", "kind": "function", "config": {"function": "test-echo"}}
    mine = create_agent(world.acme, by=world.actor("erin"), **given)
    create_agent(world.globex, by=world.actor("mallory"), **given)
    drain(start(world, step("ask", "agent:worker", with_={"input": {}})))
    assert [call.agent for call in Call.objects.all()] == [mine]


def test_what_only_looks_like_calls_of_a_model_is_neither_counted_nor_stumbled_over(world):
    function_tool(world, "echo", "test-echo")
    given = {"name": "worker", "kind": "function", "config": {"function": "test-echo"}}
    agent = create_agent(world.acme, by=world.actor("erin"), **given)
    looks = {"tool": "echo", "outcome": 5, "duration_ms": "long", "cost_usd": None}
    run = drain(start(world, step("ask", "agent:worker", with_={"tool_calls": [looks]})))
    assert run.state == "succeeded"
    assert [call.agent for call in Call.objects.all()] == [agent]


def test_what_a_model_calls_is_counted_for_the_tool_and_the_agent(world, settings):
    tool = function_tool(world, "echo", "test-echo", cost_usd="0.25", idempotent=True)
    with model_server(calls_tools(("echo", {"a": 1})), says_text("done")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        config = {"base_url": f"{model.url}/v1", "model": "scripted", "tools": ["echo"], "input_usd_per_mtok": 1}
        agent = create_agent(world.acme, name="worker", kind="llm", config=config, by=world.actor("erin"))
        run = drain(start(world, step("ask", "agent:worker", with_={"prompt": "Go"})))
    assert run.cost_usd == Decimal("0.252")
    of_tool, of_agent = Call.objects.get(tool=tool), Call.objects.get(agent=agent)
    assert (of_tool.caller, of_tool.outcome, of_tool.cost_usd) == (agent, "succeeded", Decimal("0.25"))
    assert (of_agent.cost_usd, of_agent.input_tokens, of_agent.outcome) == (run.cost_usd, 2000, "succeeded")


def test_a_call_tells_model_environment_and_that_it_was_no_test(world, settings):
    with model_server(says_text("done")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        config = {"base_url": f"{model.url}/v1", "model": "scripted"}
        create_agent(world.acme, name="worker", kind="llm", config=config, by=world.actor("erin"))
        drain(start(world, step("ask", "agent:worker", with_={"prompt": "Go"}), environment="staging"))
    call = Call.objects.get()
    assert (call.model, call.environment, call.is_test, call.instance) == ("scripted", "staging", False, None)


def test_a_query_is_a_call_of_its_instance_and_so_is_that_of_an_sql_tool(world, instance):
    config = {"instance": "files", "sql": "SELECT 1 AS one"}
    tool = create_tool(world.acme, name="ask-files", kind="sql", config=config, by=world.actor("erin"))
    ask = step("query", "query", with_={"instance": "${{ params.which }}", "sql": "SELECT 1"})
    run = drain(start(world, ask, step("tool", "tool:ask-files"), inputs={"which": "files"}, params=WHICH))
    assert run.state == "succeeded"
    calls = Call.objects.order_by("pk")
    assert [(call.tool, call.agent, call.instance) for call in calls] == [
        (None, None, instance),
        (tool, None, instance),
    ]
    assert {call.outcome for call in calls} == {"succeeded"}


def test_a_query_that_fails_is_a_call_and_one_of_no_instance_is_none(world, instance):
    wrong = step("wrong", "query", with_={"instance": "files", "sql": "SELECT nothing FROM nowhere"})
    absent = step("absent", "query", with_={"instance": "${{ params.which }}", "sql": "SELECT 1"})
    drain(start(world, wrong, absent, inputs={"which": "gone"}, params=WHICH))
    call = Call.objects.get()
    assert (call.instance, call.outcome) == (instance, "sql_error")


def test_calls_outlive_the_instance_that_they_asked(world, instance):
    drain(start(world, step("query", "query", with_={"instance": "files", "sql": "SELECT 1"})))
    Instance.objects.filter(pk=instance.pk).delete()
    assert [call.instance for call in Call.objects.all()] == [None]


def test_a_call_of_a_test_run_says_so(world):
    function_tool(world, "echo", "test-echo")
    run = start(world, step("ask", "tool:echo"))
    Run.objects.filter(pk=run.pk).update(trigger="test")
    drain(run)
    assert Call.objects.get().is_test


@pytest.mark.parametrize(("uses", "wrote"), [("noop", False), ("transform", False), ("tool:echo", True)])
def test_steps_that_call_nothing_cost_no_statement_more(world, uses, wrote):
    function_tool(world, "echo", "test-echo")
    claimed = take(start(world, step("only", uses)), "only")
    before = planned()
    finish(claimed, Outcome("succeeded"))
    made = [statement for statement, times in planned().items() if times > before.get(statement, 0)]
    assert any("UPDATE runs_run" in statement for statement in made)
    assert any("INSERT INTO runs_call" in statement for statement in made) == wrote


def planned() -> dict[str, int]:
    """The engine prepares each statement once a connection: how often PostgreSQL carried each of them out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, sum(generic_plans + custom_plans) FROM pg_prepared_statements GROUP BY 1")
        return dict(cursor.fetchall())


def test_steps_that_call_nothing_are_not_counted(world):
    drain(start(world, step("only")))
    assert not Call.objects.exists()
