"""Which version of an agent serves an environment, and how many replicas work, as the engine really does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.actions import create_agent, scale_agent, update_agent
from agents.models import Agent, Slot
from controlplane.events.models import Event
from runs.engine.scaling import REST_SECONDS, SCALED, scale, scale_agents
from runs.engine.sql import run_statement
from runs.engine.work import work
from tests.runs.driving import drain, due_steps, start, step, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent(world):
    """Version 1 echoes, version 2 fails."""
    erin = world.actor("erin")
    given = {"name": "worker", "kind": "function", "config": {"function": "test-echo"}}
    agent = create_agent(world.acme, by=erin, **given)
    return update_agent(agent, config={"function": "test-fail"}, by=erin)


def ask(world, environment: str = "dev", **more):
    return start(world, step("ask", "agent:worker", with_={"input": {}}, **more), environment=environment)


def post(world, agent, path: str, who: str = "erin", **sent):
    return world.api(who).post(f"/api/v1/agents/{agent.pk}/{path}", sent, format="json")


def test_runs_of_an_environment_use_what_was_deployed_there(world, agent):
    assert post(world, agent, "deploy", environment="production", version=1).status_code == 201
    assert drain(ask(world, "production")).state == "succeeded"
    assert drain(ask(world, "staging")).state == "failed"


def test_rolling_back_serves_what_was_there_before(world, agent):
    post(world, agent, "deploy", environment="staging", version=1)
    post(world, agent, "deploy", environment="staging")
    assert drain(ask(world, "staging")).state == "failed"
    answer = post(world, agent, "deploy", environment="staging", roll_back=True)
    assert answer.json()["version"] == 1
    assert drain(ask(world, "staging")).state == "succeeded"
    found = world.api("vera").get(f"/api/v1/agents/{agent.pk}/deployments").json()["results"]
    assert [one["version"] for one in found] == [1, 2, 1]


def test_what_makes_no_sense_is_refused(world, agent):
    assert post(world, agent, "deploy", environment="mars").status_code == 400
    assert post(world, agent, "deploy", environment="dev", version=7).status_code == 404
    assert post(world, agent, "deploy", environment="dev", roll_back=True).status_code == 409
    post(world, agent, "deploy", environment="dev", version=1)
    assert post(world, agent, "deploy", environment="dev", version=1).status_code == 409
    assert post(world, agent, "deploy", "bob", environment="dev").status_code == 403


def test_a_replica_is_a_place_that_the_engine_enforces(world, agent):
    assert post(world, agent, "scale", "bob", min=1, max=3, desired=2).json()["desired"] == 2
    run = start(world, step("each", "agent:worker", with_={"input": {}}, foreach=[1, 2, 3], max_parallel=3))
    taken = [take(run, "each", index) for index in (0, 1)]
    third = run.steps.get(key="each", index=2)
    work(third.pk)
    third.refresh_from_db()
    assert (len(taken), third.state) == (2, "queued")
    assert Slot.objects.get().in_use == 2


def test_more_replicas_come_when_steps_wait_and_the_reason_is_recorded(world, agent):
    post(world, agent, "scale", min=1, max=4, desired=1)
    run = start(world, step("each", "agent:worker", with_={"input": {}}, foreach=list(range(9)), max_parallel=9))
    take(run, "each", 0)
    assert scale_agents() == 1
    agent.refresh_from_db()
    assert (agent.max_concurrent, Slot.objects.get().capacity) == (4, 4)
    said = Event.objects.filter(type="agent.scaled").latest("id").data
    assert (said["before"], said["replicas"]) == (1, 4)
    assert said["reason"] == agent.scale_reason == "1 of 1 replicas at work, 4 steps wait"
    assert scale_agents() == 0


def test_fewer_come_only_after_a_rest(world, agent):
    post(world, agent, "scale", min=1, max=4, desired=4)
    assert (due_steps(), scale_agents()) == ([], 0)
    Agent.objects.update(scaled_at=timezone.now() - timedelta(seconds=61))
    assert scale_agents() == 1
    assert (Agent.objects.get().max_concurrent, Slot.objects.get().capacity) == (1, 1)


def test_limits_that_changed_since_they_were_read_hold(world, agent):
    scale_agent(agent, least=1, most=9, desired=2, by=world.actor("bob"))
    run = start(world, step("each", "agent:worker", with_={"input": {}}, foreach=list(range(9)), max_parallel=9))
    take(run, "each", 0)
    (read,) = run_statement(SCALED, {"rest": REST_SECONDS})
    scale_agent(agent, least=2, most=2, desired=2, by=world.actor("bob"))
    assert (read["waiting"], scale(read)) == (8, False)
    assert (Agent.objects.get().max_concurrent, Slot.objects.get().capacity) == (2, 2)


def test_a_fixed_number_is_left_alone(world, agent):
    scale_agent(agent, least=2, most=2, desired=2, by=world.actor("bob"))
    Agent.objects.update(scaled_at=timezone.now() - timedelta(hours=1))
    assert scale_agents() == 0


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"min": 0, "max": 2, "desired": 1}, "min"),
        ({"min": 3, "max": 2, "desired": 2}, "min"),
        ({"min": 1, "max": 2, "desired": 3}, "desired"),
        ({"min": 1, "max": 9999, "desired": 3}, "max"),
    ],
)
def test_a_scale_that_makes_no_sense_is_refused_by_name(world, agent, sent, field):
    answer = post(world, agent, "scale", **sent)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_the_page_deploys_rolls_back_and_scales(world, agent):
    client, at = world.client("erin"), f"/p/acme/agents/{agent.pk}/"
    for version in ("1", "2"):
        client.post(f"{at}deployments", {"environment": "production", "version": version})
    assert "Production: version 2" in client.get(at).content.decode()
    client.post(f"{at}deployments", {"environment": "production", "roll_back": "1"})
    assert "Production: version 1" in client.get(at).content.decode()
    client.post(f"{at}scale", {"min": "1", "max": "5", "desired": "3"})
    assert "Scaled between 1 and 5" in client.get(at).content.decode()
