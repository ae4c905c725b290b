"""Probes: nothing unless switched on, at most every half minute, and what they find."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from agents.actions import create_agent, create_tool, start_probing, stop_probing
from agents.health.domain import STALE_AFTER, ask_due, health_of, probe_now
from agents.models import Agent, Tool
from controlplane.events.models import Event
from controlplane.projects.actions import set_secret
from tests.agents.servers import LocalServer, Says

pytestmark = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch):
    """What bells would ring, without a broker."""
    found = []
    monkeypatch.setattr("agents.health.domain.send_task", lambda name, *args: found.append(args) is None)
    return found


def make(world, kind, config, **more) -> Agent:
    return create_agent(world.acme, name=f"{kind}-agent", kind=kind, config=config, by=world.actor("erin"), **more)


def ago(seconds: float) -> None:
    """What happened to agents did so that long before."""
    Agent.objects.update(**{name: F(name) - timedelta(seconds=seconds) for name in ("probe_asked_at", "checked_at")})


def watched(world, kind, config) -> Agent:
    agent = make(world, kind, config)
    start_probing(agent, by=world.actor("erin"))
    probe_now("agent", agent.pk)
    agent.refresh_from_db()
    return agent


def test_nothing_is_sent_unless_it_is_switched_on(world, settings, rung):
    with LocalServer(Says({})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        agent = make(world, "http", {"url": f"{server.url}/work"})
        probe_now("agent", agent.pk)
        assert ask_due("agent", Agent) == 0
        assert server.asked == []
    assert health_of(agent)["state"] == "unknown"


def test_its_turn_comes_every_half_minute_and_only_once(world, rung):
    agent = make(world, "function", {"function": "text-embed"})
    start_probing(agent, by=world.actor("erin"))
    assert [ask_due("agent", Agent), ask_due("agent", Agent)] == [1, 0]
    assert rung == [("agent", agent.pk)]
    probe_now("agent", agent.pk)
    assert ask_due("agent", Agent) == 0
    ago(31)
    assert ask_due("agent", Agent) == 1


def test_while_nobody_answers_only_a_lost_message_is_sent_again(world, rung):
    start_probing(make(world, "function", {"function": "text-embed"}), by=world.actor("erin"))
    ask_due("agent", Agent)
    ago(31)
    assert ask_due("agent", Agent) == 0
    ago(STALE_AFTER.total_seconds())
    assert ask_due("agent", Agent) == 1


def test_of_two_messages_that_waited_one_sends_a_probe(world, settings, rung):
    with LocalServer(Says({})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        agent = make(world, "http", {"url": f"{server.url}/work"})
        start_probing(agent, by=world.actor("erin"))
        ask_due("agent", Agent)
        probe_now("agent", agent.pk)
        probe_now("agent", agent.pk)
        assert len(server.asked) == 1


def test_what_is_disabled_is_left_alone(world, rung):
    agent = make(world, "function", {"function": "text-embed"}, enabled=False)
    start_probing(agent, by=world.actor("erin"))
    assert ask_due("agent", Agent) == 0


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "healthy"), (404, "healthy"), (302, "healthy"), (503, "unhealthy")],
)
def test_a_server_that_answers_is_there(world, settings, status, state):
    with LocalServer(Says({}, status=status)) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        agent = watched(world, "http", {"url": f"{server.url}/items/{{id}}?x={{y}}"})
    assert health_of(agent)["state"] == state
    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/")


def test_a_server_that_is_gone_is_unhealthy_with_the_reason(world, settings):
    with LocalServer(Says({})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
    agent = watched(world, "http", {"url": f"{server.url}/work"})
    found = health_of(agent)
    assert found["state"] == "unhealthy"
    assert found["problems"]


def test_an_address_that_is_none_is_a_problem_without_the_secret_in_it(world):
    set_secret(world.acme, name="ADDRESS", value="https://[sesame-open-now/work", by=world.actor("alice"))
    agent = watched(world, "http", {"url": "${{ secrets.ADDRESS }}"})
    assert health_of(agent)["state"] == "unhealthy"
    assert "sesame" not in str(agent.check_report)


def test_a_secret_that_no_key_opens_is_a_problem(world, settings):
    set_secret(world.acme, name="KEY", value="sesame-open-now", by=world.actor("alice"))
    config = {"base_url": "https://models.example.com/v1", "model": "scripted", "api_key": "${{ secrets.KEY }}"}
    agent = make(world, "llm", config)
    start_probing(agent, by=world.actor("erin"))
    settings.SECRETS_KEYS = [f"other:{base64.urlsafe_b64encode(bytes(32)).decode()}"]
    probe_now("agent", agent.pk)
    agent.refresh_from_db()
    assert "cannot be opened" in health_of(agent)["problems"][0]
    answer = world.api("bob").post(f"/api/v1/agents/{agent.pk}/test", {"input": {"prompt": "x"}})
    assert (answer.status_code, answer.json()["code"]) == (502, "misconfigured")


def test_a_model_is_asked_for_its_name_with_its_key(world, settings):
    set_secret(world.acme, name="KEY", value="sesame-open-now", by=world.actor("alice"))
    with LocalServer(Says({"data": [{"id": "scripted"}]})) as server:
        settings.OUTBOUND_ALLOW = [server.address]
        config = {"base_url": f"{server.url}/v1", "model": "scripted", "api_key": "${{ secrets.KEY }}"}
        agent = watched(world, "llm", config)
        assert health_of(agent)["state"] == "healthy"
        assert server.asked[0].path == "/v1/models"
        assert server.asked[0].headers["authorization"] == "Bearer sesame-open-now"
        Agent.objects.update(config=config | {"model": "other"})
        probe_now("agent", agent.pk)
    agent.refresh_from_db()
    assert "does not list the model other" in health_of(agent)["problems"][0]
    assert "sesame" not in str(agent.check_report)


def test_an_event_says_when_the_state_changes_and_only_then(world):
    tool = create_tool(
        world.acme, name="embed", kind="function", config={"function": "text-embed"}, by=world.actor("erin")
    )
    start_probing(tool, by=world.actor("erin"))
    for _ in range(3):
        probe_now("tool", tool.pk)
    Tool.objects.update(config={"function": "gone"})
    probe_now("tool", tool.pk)
    said = Event.objects.filter(type="tool.health_changed").order_by("id").values_list("data__ok", flat=True)
    assert list(said) == [True, False]


def test_an_old_answer_says_nothing_about_now(world):
    agent = watched(world, "function", {"function": "text-embed"})
    assert health_of(agent)["state"] == "healthy"
    agent.checked_at = timezone.now() - STALE_AFTER
    assert health_of(agent)["state"] == "unknown"


def test_switching_it_off_forgets_what_was_found(world):
    agent = watched(world, "function", {"function": "text-embed"})
    stop_probing(agent, by=world.actor("erin"))
    probe_now("agent", agent.pk)
    agent.refresh_from_db()
    assert (health_of(agent)["state"], agent.checked_at) == ("unknown", None)


def test_the_api_tells_and_switches(world):
    agent = make(world, "function", {"function": "text-embed"})
    url = f"/api/v1/agents/{agent.pk}/health"
    assert world.api("vera").get(url).json()["state"] == "unknown"
    assert world.api("vera").put(url, {"probed": True}, format="json").status_code == 403
    assert world.api("erin").put(url, {"probed": True}, format="json").json()["probed"] is True
    assert world.api("erin").put(url, {"probed": True}, format="json").status_code == 200
    probe_now("agent", agent.pk)
    found = world.api("vera").get(url).json()
    assert (found["state"], found["how"]) == ("healthy", "It is registered")
    assert 0 <= found["age_seconds"] < 60


def test_the_page_shows_state_and_age_and_fetches_them_again(world):
    agent = watched(world, "function", {"function": "text-embed"})
    client = world.client("erin")
    page = client.get(f"/p/acme/agents/{agent.pk}/").content.decode()
    assert f'hx-get="/p/acme/agents/{agent.pk}/health" hx-trigger="every 10s"' in page
    part = client.get(f"/p/acme/agents/{agent.pk}/health", headers={"HX-Request": "true"}).content.decode()
    assert "Healthy" in part
    assert "Stop watching" in part
    asked = re.search(r'action="(/p/acme/agents/\d+/health[^"]*)"', part)[1]
    assert [client.post(asked).status_code for _ in range(2)] == [302, 409]
    agent.refresh_from_db()
    assert agent.probed is False
    part = client.get(f"/p/acme/agents/{agent.pk}/health", headers={"HX-Request": "true"}).content.decode()
    client.post(re.search(r'action="([^"]*/health[^"]*)"', part)[1])
    agent.refresh_from_db()
    assert agent.probed is True
