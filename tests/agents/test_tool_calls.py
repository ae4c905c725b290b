"""Tools of each kind, called for real."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from agents import actions
from agents.calls.context import CallContext
from agents.calls.registry import function, registered
from agents.calls.tools import KINDS, call_tool, may_repeat
from agents.calls.trial import CallFailed
from agents.catalogue.saving import snapshot_of
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.errors import InvalidInput, NotAllowed
from controlplane.domain.failures import Failure
from controlplane.events.models import Event
from controlplane.projects.actions import set_secret
from tests.agents.catalogue import make_instance, make_tool
from tests.agents.servers import Says

pytestmark = pytest.mark.django_db


@function("fails-in-tests")
def fails(input, context):
    """Raises what nobody foresaw."""
    raise KeyError("surprise")


@function("odd-in-tests")
def odd(input, context):
    """Returns what is not JSON, or what the database cannot store."""
    return {"nan": float("nan"), "object": object(), "nul": ["a\x00b"]}[input["what"]]


def call(world, tool, input, token=None, **context):
    given = CallContext(world.acme.pk, token or CancelToken(), idempotency_key="7:fetch", **context)
    return call_tool(snapshot_of(tool), input, given)


def failure_of(world, tool, input, **context) -> Failure:
    with pytest.raises(Failure) as caught:
        call(world, tool, input, **context)
    return caught.value


# http


def test_a_get_sends_its_input_as_the_query(world, web):
    tool = make_tool(world, config={"method": "GET", "url": f"{web.url}/items?all=1"}, cost_usd="0.5")
    answer = call(world, tool, {"days": 7, "open": True, "tags": ["a", "b"], "none": None, "deep": {"x": 1}})
    assert web.asked[0].path == "/items?all=1&days=7&open=true&tags=a&tags=b&deep=%7B%22x%22%3A1%7D"
    assert answer.output == {"ok": True}
    assert answer.cost_usd == Decimal("0.5")
    assert answer.request["method"] == "GET"


def test_a_post_sends_json_and_the_key(world, web):
    tool = make_tool(world, config={"method": "POST", "url": f"{web.url}/items"})
    call(world, tool, {"name": "x"})
    assert web.asked[0].json == {"name": "x"}
    assert web.asked[0].headers["idempotency-key"] == "7:fetch"


def test_the_path_is_filled_in_encoded_and_taken_from_the_body(world, web):
    tool = make_tool(world, config={"method": "PUT", "url": f"{web.url}/users/{{id}}/notes"})
    call(world, tool, {"id": "a/../b?x", "text": "hi"})
    assert web.asked[0].path == "/users/a%2F..%2Fb%3Fx/notes"
    assert web.asked[0].json == {"text": "hi"}


@pytest.mark.parametrize("value", [None, "", ".", "..", {}, True])
def test_the_path_takes_only_text_and_numbers(world, web, value):
    tool = make_tool(world, config={"method": "GET", "url": f"{web.url}/users/{{id}}"})
    failure = failure_of(world, tool, {"id": value})
    assert (failure.kind, failure.context["errors"][0]["field"]) == ("bad_input", "input.id")
    assert web.asked == []


def test_the_bell_rings_before_the_request_leaves(world, web):
    tool = make_tool(world, config={"url": web.url})
    seen = []
    call(world, tool, {}, before_send=lambda: seen.append(len(web.asked)))
    assert seen == [0]


def test_input_that_breaks_the_schema_never_leaves(world, web):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tool = make_tool(world, config={"url": web.url}, input_schema=schema)
    failure = failure_of(world, tool, {"n": "one"})
    assert failure.kind == "bad_input"
    assert failure.context["errors"] == [
        {"field": "input.n", "message": "This must be an integer, not a string.", "code": "type"}
    ]
    assert failure_of(world, tool, ["n"]).kind == "bad_input"
    assert web.asked == []


def test_an_answer_that_breaks_the_schema_is_bad_output(world, web):
    tool = make_tool(world, config={"url": web.url}, output_schema={"type": "object", "required": ["count"]})
    failure = failure_of(world, tool, {})
    assert (failure.kind, failure.acted) == ("bad_output", True)
    assert failure.context["errors"][0]["field"] == "output.count"


def test_a_private_address_is_refused(world, web, settings):
    settings.OUTBOUND_ALLOW = []
    failure = failure_of(world, make_tool(world, config={"url": web.url}), {})
    assert (failure.kind, failure.acted) == ("address_refused", False)
    assert web.asked == []


def test_a_tool_that_hangs_ends_at_its_time_limit(world, web):
    web.answer = Says(hold=True)
    failure = failure_of(world, make_tool(world, config={"url": web.url}, timeout_seconds=1), {})
    assert failure.kind == "timeout"


def test_a_cancel_interrupts_a_call_in_flight(world, web):
    web.answer = Says(hold=True)
    tool, token = make_tool(world, config={"url": web.url}), CancelToken()
    threading.Thread(target=lambda: web.arrived.wait(10) and token.cancel("cancelled by bob")).start()
    failure = failure_of(world, tool, {}, token=token)
    assert failure.kind == "cancelled"
    assert "cancelled by bob" in failure.message


@pytest.mark.parametrize("echoes", ["body", "error"])
def test_a_secret_comes_out_nowhere(world, web, echoes):
    set_secret(world.acme, name="KEY", value="s3cr3t/value", by=world.actor("alice"))
    config = {
        "method": "POST",
        "url": f"{web.url}/${{{{ secrets.KEY }}}}",
        "headers": {"Authorization": "Bearer ${{ secrets.KEY }}", "X-Plain": "v"},
    }
    web.answer = lambda asked: Says(
        {"echo": asked.headers, "path": asked.path}, status=500 if echoes == "error" else 200
    )
    lines: list[str] = []
    tool = make_tool(world, config=config)
    try:
        seen = str(call(world, tool, {"a": 1}, log=lambda level, text: lines.append(text)))
    except Failure as failure:
        seen = f"{failure} {failure.message} {failure.context} {failure.__cause__} {failure.__context__}"
    assert web.asked[0].headers["authorization"] == "Bearer s3cr3t/value"
    for form in ("s3cr3t/value", "s3cr3t%2Fvalue", "s3cr3t"):
        assert form not in seen + "".join(lines)
    assert "X-Plain" in seen or echoes == "error"


def test_an_error_that_nobody_foresaw_shows_no_secret(world, monkeypatch):
    """Whatever breaks in the machinery of a kind, message and stack are kept with the step."""

    def broken(config, input, context):
        raise RuntimeError("." * input["padding"] + config["headers"]["Authorization"])

    monkeypatch.setitem(KINDS, "http", broken)
    set_secret(world.acme, name="KEY", value="s3cr3t-value-1", by=world.actor("alice"))
    headers = {"Authorization": "Bearer ${{ secrets.KEY }}"}
    tool = make_tool(world, config={"method": "GET", "url": "https://api.example.com/", "headers": headers})
    assert failure_of(world, tool, {"padding": 3}).message == "RuntimeError: ...Bearer [redacted]"
    failure = failure_of(world, tool, {"padding": 478})
    assert failure.kind == "RuntimeError"
    assert "in broken" in failure.context["stack"]
    assert "s3cr" not in failure.message + str(failure.context)
    assert failure.leaves_doubt


def test_a_secret_that_is_gone_is_a_clear_failure(world, web):
    by = world.actor("alice")
    secret = set_secret(world.acme, name="KEY", value="s3cr3t-value", by=by)
    tool = make_tool(world, config={"url": web.url, "headers": {"X": "${{ secrets.KEY }}"}})
    secret.delete()
    failure = failure_of(world, tool, {})
    assert (failure.kind, failure.message) == ("misconfigured", "There is no secret KEY in this project.")
    assert web.asked == []


# functions


def test_a_function_that_fails_is_a_typed_failure_with_its_stack(world):
    failure = failure_of(world, make_tool(world, kind="function", config={"function": "fails-in-tests"}), {})
    assert (failure.kind, failure.context["type"]) == ("function_error", "KeyError")
    assert "surprise" in failure.context["stack"]


def test_a_function_gives_json_or_fails(world):
    tool = make_tool(world, kind="function", config={"function": "odd-in-tests"})
    assert failure_of(world, tool, {"what": "nan"}).kind == "bad_output"
    assert failure_of(world, tool, {"what": "object"}).kind == "bad_output"
    assert call(world, tool, {"what": "nul"}).output == ["a\ufffdb"]


def test_a_function_checks_its_own_input(world):
    tool = make_tool(world, kind="function", config={"function": "text-embed"})
    assert failure_of(world, tool, {"texts": "one"}).context["errors"][0]["field"] == "input.texts"


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="two functions"):
        function("text-embed")(lambda input, context: None)
    assert registered()["text-embed"].body is not None


# sql


def test_a_sql_tool_binds_its_input(world, tmp_path):
    make_instance(world, tmp_path)
    sql = "SELECT id FROM orders WHERE total > :least ORDER BY id"
    tool = make_tool(world, kind="sql", config={"instance": "sales", "sql": sql})
    answer = call(world, tool, {"least": 5})
    assert answer.output["rows"] == [[1], [2]]
    assert answer.request == {"instance": "sales", "sql": sql, "params": {"least": 5}, "max_rows": 1000}


def test_a_sql_tool_may_be_repeated_because_it_only_reads(world, tmp_path):
    make_instance(world, tmp_path)
    config = {"instance": "sales", "sql": "SELECT 1"}
    assert make_tool(world, "reads", kind="sql", config=config).idempotent
    assert may_repeat(snapshot_of(make_tool(world, "says-no", kind="sql", config=config, idempotent=False)))
    assert not may_repeat(snapshot_of(make_tool(world, "sends")))


def test_rows_beyond_the_limit_are_cut_with_a_notice(world, tmp_path):
    make_instance(world, tmp_path)
    tool = make_tool(world, kind="sql", config={"instance": "sales", "sql": "SELECT * FROM orders", "max_rows": 2})
    answer = call(world, tool, {})
    assert (answer.output["row_count"], answer.output["truncated"]) == (2, True)
    assert answer.output["notice"]


def test_sql_that_writes_is_refused(world, tmp_path):
    make_instance(world, tmp_path)
    tool = make_tool(world, kind="sql", config={"instance": "sales", "sql": "DELETE FROM orders"})
    assert failure_of(world, tool, {}).kind == "sql_refused"


def test_a_disabled_instance_answers_nothing(world, tmp_path):
    instance = make_instance(world, tmp_path)
    tool = make_tool(world, kind="sql", config={"instance": "sales", "sql": "SELECT 1"})
    actions.disable(instance, by=world.actor("erin"))
    assert "disabled" in failure_of(world, tool, {}).message


def test_an_instance_of_another_project_does_not_exist(world, tmp_path):
    make_instance(world, tmp_path)
    tool = make_tool(world, kind="sql", config={"instance": "sales", "sql": "SELECT 1"})
    context = CallContext(world.globex.pk, CancelToken())
    with pytest.raises(Failure, match="no instance sales"):
        call_tool(snapshot_of(tool), {}, context)


# trying by hand


def test_an_operator_tries_a_tool_and_the_feed_knows(world, web):
    tool = make_tool(world, config={"url": web.url})
    answer, duration_ms = actions.try_tool(tool, input={}, by=world.actor("bob"))
    assert answer.output == {"ok": True}
    assert duration_ms >= 0
    event = Event.objects.get(type="tool.tested")
    assert (event.actor, event.data["outcome"]) == ("bob", "succeeded")


def test_a_viewer_may_not(world, web):
    tool = make_tool(world, config={"url": web.url})
    with pytest.raises(NotAllowed):
        actions.try_tool(tool, input={}, by=world.actor("vera"))
    assert web.asked == []


def test_a_trial_that_fails_is_a_problem_with_its_kind(world, web):
    web.answer = Says({"why": "broken"}, status=500)
    tool = make_tool(world, config={"url": web.url})
    with pytest.raises(CallFailed) as caught:
        actions.try_tool(tool, input={}, by=world.actor("bob"))
    problem = caught.value.as_problem()
    assert (problem["status"], problem["code"], problem["context"]["status"]) == (502, "http_status", 500)
    assert Event.objects.get(type="tool.tested").data["outcome"] == "http_status"


def test_a_trial_with_bad_input_names_the_field(world, web):
    tool = make_tool(world, config={"url": web.url}, input_schema={"required": ["n"]})
    with pytest.raises(InvalidInput) as caught:
        actions.try_tool(tool, input={}, by=world.actor("bob"))
    assert caught.value.errors[0].field == "input.n"
