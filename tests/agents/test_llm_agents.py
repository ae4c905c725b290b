"""Agents of kind llm against a local server with scripted answers."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from agents.calls.agents import call_agent
from agents.calls.context import CallContext
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure
from controlplane.projects.actions import set_secret
from tests.agents.model_server import calls_tools, model_server, says_text, tool_messages
from tests.agents.servers import LocalServer, Says

pytestmark = pytest.mark.django_db

SEARCH = {
    "name": "search",
    "kind": "http",
    "description": "Finds things",
    "config": {"method": "GET", "url": ""},
    "input_schema": {
        "type": "object",
        "properties": {"q": {"type": "string"}},
        "required": ["q"],
        "additionalProperties": False,
    },
    "output_schema": {},
    "timeout_seconds": 10,
    "idempotent": True,
    "cost_usd": "0.01",
}


@pytest.fixture
def allow(settings):
    def allow_(*servers: LocalServer) -> None:
        settings.OUTBOUND_ALLOW = [server.address for server in servers]

    return allow_


def llm(server: LocalServer, **config) -> dict:
    config = {"base_url": f"{server.url}/v1", "model": "scripted", **config}
    return {"name": "worker", "kind": "llm", "config": config, "timeout_seconds": 20, "idempotent": False}


def tool(server: LocalServer, **changes) -> dict:
    return {**SEARCH, "config": {"method": "GET", "url": f"{server.url}/find"}, **changes}


class Watched:
    """A context whose log and bells can be looked at."""

    def __init__(self, project_id: int = 1, seconds: float = 20) -> None:
        self.lines: list[str] = []
        self.bells: list[int] = []
        self.token = CancelToken(timeout_seconds=seconds)
        self.context = CallContext(
            project_id,
            self.token,
            log=lambda level, text: self.lines.append(f"{level} {text}"),
            idempotency_key="7:review",
            before_send=lambda: self.bells.append(1),
        )


def test_it_answers_with_text_and_counts_tokens_and_cost(allow):
    with model_server(says_text("Rank: b, a")) as model:
        allow(model)
        agent = llm(model, instructions="Be brief.", input_usd_per_mtok=2, output_usd_per_mtok=10)
        watched = Watched()
        answer = call_agent(agent, {"prompt": "Rank these", "input": ["a", "b"]}, watched.context, {})
    assert answer.output == "Rank: b, a"
    assert (answer.input_tokens, answer.output_tokens) == (1000, 100)
    assert answer.cost_usd == Decimal("0.003")
    assert answer.request["prompt"] == 'Rank these\n\nInput:\n["a", "b"]'
    assert len(watched.bells) == 1
    sent = model.asked[0].json
    assert sent["messages"][0]["content"] == "Be brief."
    assert "user-agent" not in model.asked[0].headers or "OpenAI" not in model.asked[0].headers["user-agent"]


def test_a_listed_model_is_priced_by_the_price_list(allow):
    with model_server(says_text("ok")) as model:
        allow(model)
        answer = call_agent(llm(model, model="gpt-4o-mini"), {"prompt": "x"}, Watched().context, {})
    assert answer.cost_usd == Decimal("0.00021")


def test_a_model_without_a_price_costs_nothing_and_the_log_says_so(allow):
    with model_server(says_text("ok")) as model:
        allow(model)
        watched = Watched()
        answer = call_agent(llm(model), {"prompt": "x"}, watched.context, {})
    assert answer.cost_usd == 0
    assert any(line.startswith("warning No price is known") for line in watched.lines)


def test_it_calls_our_tools_and_gives_their_answers_to_the_model(allow):
    with (
        LocalServer(Says({"hits": ["x"]})) as web,
        model_server(calls_tools(("search", {"q": "logs"})), says_text("found x")) as model,
    ):
        allow(model, web)
        answer = call_agent(llm(model, tools=["search"]), {"prompt": "x"}, Watched().context, {"search": tool(web)})
    assert answer.output == "found x"
    assert web.asked[0].path == "/find?q=logs"
    assert web.asked[0].headers["idempotency-key"].startswith("7:review:")
    assert '"hits"' in tool_messages(model.asked[1])[0]["content"]
    (call,) = answer.request["tool_calls"]
    assert call.pop("duration_ms") >= 0
    assert call == {"tool": "search", "input": {"q": "logs"}, "outcome": "succeeded", "cost_usd": "0.01"}
    assert answer.cost_usd == Decimal("0.01")


def test_structured_output_fits_its_schema(allow):
    schema = {"type": "object", "properties": {"rank": {"type": "integer"}}, "required": ["rank"]}
    with model_server(calls_tools(("final_answer", {"rank": 3}))) as model:
        allow(model)
        answer = call_agent(llm(model, output_schema=schema), {"prompt": "x"}, Watched().context, {})
    assert answer.output == {"rank": 3}


def test_structured_output_that_does_not_fit_is_a_typed_failure(allow):
    schema = {"type": "object", "properties": {"rank": {"type": "integer"}}, "required": ["rank"]}
    with model_server(calls_tools(("final_answer", {"rank": "three"}))) as model:
        allow(model)
        with pytest.raises(Failure) as caught:
            call_agent(llm(model, output_schema=schema), {"prompt": "x"}, Watched().context, {})
    assert caught.value.kind in ("bad_output", "model_error")
    assert caught.value.context["input_tokens"] >= 1000


def test_the_step_limit_holds_exactly_and_what_was_used_is_kept(allow):
    with (
        LocalServer(Says({})) as web,
        model_server(calls_tools(("search", {"q": "again"}))) as model,
    ):
        allow(model, web)
        agent = llm(model, tools=["search"], max_steps=4, input_usd_per_mtok=1)
        with pytest.raises(Failure) as caught:
            call_agent(agent, {"prompt": "x"}, Watched().context, {"search": tool(web)})
    assert caught.value.kind == "step_limit"
    assert len(model.asked) == 4
    assert caught.value.context["input_tokens"] == 4000
    assert Decimal(caught.value.context["cost_usd"]) == Decimal("0.044")


def test_the_cost_limit_stops_before_the_next_tool_call(allow):
    with (
        LocalServer(Says({})) as web,
        model_server(calls_tools(("search", {"q": "a"}))) as model,
    ):
        allow(model, web)
        agent = llm(model, tools=["search"], max_cost_usd=0.002, input_usd_per_mtok=1)
        snapshot = tool(web, cost_usd="0")
        with pytest.raises(Failure) as caught:
            call_agent(agent, {"prompt": "x"}, Watched().context, {"search": snapshot})
    assert caught.value.kind == "cost_limit"
    assert (len(model.asked), len(web.asked)) == (2, 1)
    assert Decimal(caught.value.context["cost_usd"]) == Decimal("0.002")


def test_a_thousand_calls_in_one_answer_stop_at_the_money(allow):
    calls = [("search", {"q": str(number)}) for number in range(1_000)]
    with LocalServer(Says({})) as web, model_server(calls_tools(*calls)) as model:
        allow(model, web)
        agent = llm(model, tools=["search"], max_cost_usd=0.1)
        with pytest.raises(Failure) as caught:
            call_agent(agent, {"prompt": "x"}, Watched().context, {"search": tool(web)})
    assert caught.value.kind == "cost_limit"
    assert len(web.asked) == 10


@pytest.mark.parametrize(
    "call",
    [
        ("delete_everything", {"q": "x"}),
        ("final_answer", {"q": "x"}),
        ("call_tool", {"name": "hidden", "input": {}}),
        ("hidden", {"q": "x"}),
        ("search", {"q": "x", "url": "http://127.0.0.1/"}),
        ("search", {"q": 5}),
        ("search", {}),
        ("search", "not json"),
        ("search", "[1]"),
    ],
)
def test_a_hijacked_model_reaches_nothing_it_was_not_given(allow, call):
    """The scripted model obeys whatever it read; the other tool exists, but is not on the agent's list."""
    with LocalServer(Says({})) as web, LocalServer(Says({})) as hidden, model_server(calls_tools(call)) as model:
        allow(model, web, hidden)
        tools, watched = {"search": tool(web), "hidden": tool(hidden)}, Watched()
        with pytest.raises(Failure):
            call_agent(llm(model, tools=["search"], max_steps=5), {"prompt": "x"}, watched.context, tools)
    assert web.asked == []
    assert hidden.asked == []
    assert len(model.asked) <= 5
    refused = [line for line in watched.lines if "not among its tools" in line]
    assert bool(refused) == (call[0] in ("delete_everything", "call_tool", "hidden"))


def test_instructions_in_a_tool_answer_cannot_reach_a_secret(allow, world):
    set_secret(world.acme, name="KEY", value="s3cr3t-value-1", by=world.actor("alice"))
    with (
        LocalServer(lambda asked: Says({"echo": asked.headers.get("authorization")})) as web,
        model_server(calls_tools(("search", {"q": "${{ secrets.KEY }}"})), says_text("s3cr3t-value-1?")) as model,
    ):
        allow(model, web)
        snapshot = tool(web)
        snapshot["config"] = {**snapshot["config"], "headers": {"Authorization": "Bearer ${{ secrets.KEY }}"}}
        watched = Watched(world.acme.pk)
        agent = llm(model, tools=["search"], api_key="${{ secrets.KEY }}")
        answer = call_agent(agent, {"prompt": "x"}, watched.context, {"search": snapshot})
    assert web.asked[0].headers["authorization"] == "Bearer s3cr3t-value-1"
    assert "q=%24%7B%7B" in web.asked[0].path
    assert model.asked[0].headers["authorization"] == "Bearer s3cr3t-value-1"
    assert b"s3cr3t-value-1" not in model.asked[1].body
    assert "s3cr3t-value-1" not in str(answer) + "".join(watched.lines)


def test_a_failing_tool_is_told_to_the_model_which_may_go_on(allow):
    with (
        LocalServer(Says({"why": "down"}, status=503)) as web,
        model_server(calls_tools(("search", {"q": "a"})), says_text("could not search")) as model,
    ):
        allow(model, web)
        answer = call_agent(llm(model, tools=["search"]), {"prompt": "x"}, Watched().context, {"search": tool(web)})
    assert answer.output == "could not search"
    assert "http_status" in tool_messages(model.asked[1])[0]["content"]


def test_an_unknown_outcome_of_a_call_that_must_not_repeat_ends_the_run(allow):
    with LocalServer(Says(hold=True)) as web, model_server(calls_tools(("search", {"q": "a"}))) as model:
        allow(model, web)
        snapshot = tool(web, idempotent=False, timeout_seconds=1)
        with pytest.raises(Failure) as caught:
            call_agent(llm(model, tools=["search"]), {"prompt": "x"}, Watched().context, {"search": snapshot})
    assert (caught.value.kind, caught.value.acted) == ("timeout", True)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Says({"error": {"message": "down"}}, status=500), "http_status"),
        (Says({"choices": []}), "model_error"),
        (calls_tools(("search", {"q": "b"})), "step_limit"),
    ],
)
def test_what_fails_after_a_tool_acted_that_must_not_repeat_leaves_doubt(allow, turn, kind):
    with LocalServer(Says({})) as web, model_server(calls_tools(("search", {"q": "a"})), turn) as model:
        allow(model, web)
        agent, snapshot = llm(model, tools=["search"], max_steps=2), tool(web, idempotent=False)
        with pytest.raises(Failure) as caught:
            call_agent(agent, {"prompt": "x"}, Watched().context, {"search": snapshot})
    assert (caught.value.kind, caught.value.acted, caught.value.leaves_doubt) == (kind, True, True)


def test_what_fails_after_tools_that_may_repeat_leaves_none(allow):
    down = Says({"error": {"message": "down"}}, status=500)
    with LocalServer(Says({})) as web, model_server(calls_tools(("search", {"q": "a"})), down) as model:
        allow(model, web)
        with pytest.raises(Failure) as caught:
            call_agent(llm(model, tools=["search"]), {"prompt": "x"}, Watched().context, {"search": tool(web)})
    assert (caught.value.kind, caught.value.leaves_doubt) == ("http_status", False)


def test_a_cancel_interrupts_a_model_request_in_flight(allow):
    with model_server(Says(hold=True)) as model:
        allow(model)
        watched = Watched()
        caught: list[Failure] = []
        worker = threading.Thread(target=expect_failure, args=(llm(model), watched, caught))
        worker.start()
        assert model.arrived.wait(20)
        watched.token.cancel("cancelled by bob")
        worker.join(3)
        assert not worker.is_alive()
    assert caught[0].kind == "cancelled"


def expect_failure(agent: dict, watched: Watched, caught: list[Failure]) -> None:
    try:
        call_agent(agent, {"prompt": "x"}, watched.context, {})
    except Failure as failure:
        caught.append(failure)


def test_a_model_that_hangs_ends_at_the_time_limit(allow):
    with model_server(Says(hold=True)) as model:
        allow(model)
        with pytest.raises(Failure) as caught:
            call_agent({**llm(model), "timeout_seconds": 1}, {"prompt": "x"}, Watched().context, {})
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Says(b"<html>nope</html>", headers={"Content-Type": "text/html"}), "model_error"),
        (Says({"choices": []}), "model_error"),
        (Says({"choices": "x", "usage": {"prompt_tokens": "many"}}), "model_error"),
        (Says([1, 2]), "model_error"),
        (Says(b"{", headers={"Content-Type": "application/json"}), "bad_response"),
        (Says({"error": {"message": "no credit"}}, status=402), "http_status"),
        (Says({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "7"}), "http_status"),
    ],
)
def test_garbage_becomes_a_typed_failure(allow, turn, kind):
    with model_server(turn) as model:
        allow(model)
        with pytest.raises(Failure) as caught:
            call_agent(llm(model), {"prompt": "x"}, Watched().context, {})
    assert caught.value.kind == kind
    assert caught.value.context["cost_usd"] == "0"


def test_the_guarded_door_is_the_only_way_out(settings):
    settings.OUTBOUND_ALLOW = []
    with model_server(says_text("hello")) as model:
        with pytest.raises(Failure) as caught:
            call_agent(llm(model), {"prompt": "x"}, Watched().context, {})
        assert model.asked == []
    assert (caught.value.kind, caught.value.acted) == ("address_refused", False)


@pytest.mark.parametrize("input", [{}, {"prompt": 5}, {"prompt": ""}, {"other": 1}])
def test_it_refuses_an_input_without_prompt_or_input(input):
    with model_server(says_text("hello")) as model, pytest.raises(Failure) as caught:
        call_agent(llm(model), input, Watched().context, {})
    assert caught.value.kind == "bad_input"
    assert model.asked == []


def test_a_tool_that_is_gone_is_a_clear_failure():
    with model_server(says_text("hello")) as model, pytest.raises(Failure) as caught:
        call_agent(llm(model, tools=["search"]), {"prompt": "x"}, Watched().context, {})
    assert caught.value.kind == "misconfigured"
    assert "search" in caught.value.message
