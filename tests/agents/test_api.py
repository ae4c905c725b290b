from __future__ import annotations

import pytest

from agents import actions
from agents.models import Agent, Instance, Tool
from controlplane.projects.actions import set_secret
from tests.agents.catalogue import HTTP_CONFIG, LLM_CONFIG, make_agent, make_instance, make_tool, sqlite_file
from tests.agents.servers import LocalServer, Says

pytestmark = pytest.mark.django_db
ROOT = "/api/v1"
TOOL = {"name": "list-items", "kind": "http", "config": HTTP_CONFIG}


@pytest.fixture
def erin(world):
    return world.api("erin")


def fields_of(answer) -> list[str]:
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


def test_a_tool_is_created_read_changed_and_deleted_by_an_administrator(world, erin):
    made = erin.post(f"{ROOT}/tools", {**TOOL, "tags": ["web"], "cost_usd": "0.01"})
    assert made.status_code == 201
    body = made.json()
    assert (body["project"], body["version_no"], body["cost_usd"], body["updated_by"]) == (
        "acme",
        1,
        "0.010000",
        "token erin's",
    )
    one = f"{ROOT}/tools/{body['id']}"
    assert erin.get(one).json() == body
    assert erin.patch(one, {"description": "new", "version_no": 1}).json()["version_no"] == 2
    replaced = erin.put(one, TOOL).json()
    assert (replaced["description"], replaced["tags"], replaced["version_no"]) == ("", [], 3)
    assert erin.delete(f"{one}/").status_code == 403
    assert world.api("alice").delete(f"{one}/").status_code == 204
    assert erin.get(one).status_code == 404


def test_an_agent_is_created_read_changed_and_deleted(world, erin):
    made = erin.post(f"{ROOT}/agents", {"name": "triager", "kind": "llm", "config": LLM_CONFIG}).json()
    one = f"{ROOT}/agents/{made['id']}"
    assert erin.patch(one, {"config": {**LLM_CONFIG, "max_steps": 3}}).json()["config"]["max_steps"] == 3
    assert [row["name"] for row in erin.get(f"{ROOT}/agents?kind=llm").json()["results"]] == ["triager"]
    assert world.api("alice").delete(one).status_code == 204
    assert not Agent.objects.exists()


def test_an_instance_never_gives_its_url_back(world, erin, tmp_path):
    sent = {"name": "sales", "engine": "sqlite", "url": str(sqlite_file(tmp_path))}
    made = erin.post(f"{ROOT}/instances", sent)
    assert made.status_code == 201
    body = made.json()
    assert (body["healthy"], body["check_report"]["tables"]) == (True, ["orders"])
    assert not {"url", "sealed_url"} & set(body)
    one = f"{ROOT}/instances/{body['id']}"
    assert erin.put(one, {"name": "sales", "engine": "sqlite", "timeout_seconds": 7}).json()["timeout_seconds"] == 7
    report = erin.post(f"{one}/test").json()
    assert (report["ok"], report["problems"], report["tables"]) == (True, [], ["orders"])
    assert world.api("alice").delete(one).status_code == 204
    assert not Instance.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "name"),
        ({**TOOL, "kind": "magic"}, "kind"),
        ({**TOOL, "config": {"url": "ftp://x"}}, "config.url"),
        ({**TOOL, "surprise": 1}, "surprise"),
        ({**TOOL, "by": "me"}, "by"),
        ({**TOOL, "self": "me"}, "self"),
        ({**TOOL, "version_no": 3}, "version_no"),
        ({**TOOL, "timeout_seconds": "soon"}, "timeout_seconds"),
        ({**TOOL, "name": None}, "name"),
    ],
)
def test_bad_input_names_the_field(erin, sent, field):
    answer = erin.post(f"{ROOT}/tools", sent)
    assert answer.status_code == 400
    assert field in fields_of(answer)
    assert not Tool.objects.exists()


@pytest.mark.parametrize("sent", [[], "text", 5, None])
@pytest.mark.parametrize("path", ["tools", "agents", "instances"])
def test_a_body_that_is_no_object_is_refused(erin, path, sent):
    assert erin.post(f"{ROOT}/{path}", sent, format="json").status_code == 400


@pytest.mark.parametrize("sent", [{"url": 5}, {"url": None}, {"engine": None}, {"url": "/nowhere/at/all"}, {}])
def test_an_instance_with_bad_input_is_refused(erin, sent):
    answer = erin.post(f"{ROOT}/instances", {"name": "sales", "engine": "sqlite", **sent})
    assert answer.status_code == 400
    assert {"url", "engine"} & set(fields_of(answer))


@pytest.mark.parametrize("version_no", ["1", True, 1.5])
def test_a_version_is_a_whole_number(world, erin, version_no):
    answer = erin.patch(f"{ROOT}/tools/{make_tool(world).pk}", {"version_no": version_no})
    assert fields_of(answer) == ["version_no"]


@pytest.mark.parametrize("name", ["tool", "by", "subject", "self", "values"])
def test_a_field_that_there_is_not_is_refused(world, erin, name):
    answer = erin.patch(f"{ROOT}/tools/{make_tool(world).pk}", {name: 1})
    assert (answer.status_code, fields_of(answer)) == (400, [name])


def test_replacing_an_agent_that_is_scaled_leaves_its_replicas_alone(world, erin):
    agent = make_agent(world)
    actions.scale_agent(agent, least=1, most=5, desired=4, by=world.actor("erin"))
    answer = erin.put(f"{ROOT}/agents/{agent.pk}", {"name": "triager", "kind": "llm", "config": LLM_CONFIG})
    assert (answer.status_code, answer.json()["max_concurrent"]) == (200, 4)


def test_a_second_editor_gets_409(world, erin):
    tool = make_tool(world)
    actions.update_tool(tool, description="x", by=world.actor("alice"))
    answer = erin.patch(f"{ROOT}/tools/{tool.pk}", {"description": "y", "version_no": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["updated_by"]) == (
        409,
        "edited_meanwhile",
        "alice",
    )


def test_deleting_what_is_used_answers_409_with_the_users(world):
    tool = make_tool(world)
    agent = make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    answer = world.api("alice").delete(f"{ROOT}/tools/{tool.pk}")
    assert answer.status_code == 409
    assert answer.json()["dependents"] == [{"kind": "agent", "id": agent.pk, "name": "triager"}]


@pytest.mark.parametrize("path", ["tools", "agents", "instances"])
def test_other_projects_are_not_there(world, tmp_path, path):
    rows = {"tools": make_tool(world), "agents": make_agent(world), "instances": make_instance(world, tmp_path)}
    mallory, one = world.api("mallory"), f"{ROOT}/{path}/{rows[path].pk}"
    assert mallory.get(f"{ROOT}/{path}").json()["results"] == []
    answers = [mallory.get(one), mallory.put(one, TOOL), mallory.patch(one, {}), mallory.delete(one)]
    answers.append(mallory.post(f"{one}/test", {}))
    assert {answer.status_code for answer in answers} == {404}
    assert mallory.post(f"{ROOT}/tools", {**TOOL, "project": "acme"}).status_code == 404


def test_roles_hold(world):
    tool = make_tool(world)
    bob, one = world.api("bob"), f"{ROOT}/tools/{tool.pk}"
    answers = [bob.post(f"{ROOT}/tools", {**TOOL, "name": "x"}), bob.patch(one, {"description": "x"}), bob.delete(one)]
    answers.append(world.api("vera").post(f"{one}/test", {}))
    assert [answer.status_code for answer in answers] == [403] * 4
    assert Tool.objects.get().version_no == 1


def test_the_same_idempotency_key_creates_once(erin):
    first, second = (erin.post(f"{ROOT}/tools", TOOL, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert Tool.objects.count() == 1


def test_a_test_answers_output_time_and_cost(world, settings):
    with LocalServer(Says({"ok": True})) as web:
        settings.OUTBOUND_ALLOW = [web.address]
        tool = make_tool(world, config={"method": "GET", "url": web.url}, cost_usd="0.5")
        answer = world.api("bob").post(f"{ROOT}/tools/{tool.pk}/test", {"input": {"a": 1}})
        web.answer = Says({"why": "down"}, status=503)
        failed = world.api("bob").post(f"{ROOT}/tools/{tool.pk}/test", {"input": {}})
    body = answer.json()
    assert (body["output"], body["cost_usd"]) == ({"ok": True}, "0.500000")
    assert body["duration_ms"] >= 0
    assert (failed.status_code, failed.json()["code"], failed.json()["context"]["status"]) == (502, "http_status", 503)


def test_a_test_with_input_that_does_not_fit_names_the_field(world):
    tool = make_tool(world, input_schema={"type": "object", "required": ["n"]})
    answer = world.api("bob").post(f"{ROOT}/tools/{tool.pk}/test", {"input": {}})
    assert (answer.status_code, fields_of(answer)) == (400, ["input.n"])


def test_no_answer_holds_a_secret(world, tmp_path):
    set_secret(world.acme, name="KEY", value="s3cr3t-value", by=world.actor("alice"))
    headers = {"Authorization": "Bearer ${{ secrets.KEY }}"}
    make_tool(world, config={**HTTP_CONFIG, "headers": headers})
    make_agent(world, config={**LLM_CONFIG, "api_key": "${{ secrets.KEY }}"})
    make_instance(world, tmp_path)
    vera = world.api("vera")
    seen = "".join(vera.get(f"{ROOT}/{path}").content.decode() for path in ("tools", "agents", "instances"))
    assert "${{ secrets.KEY }}" in seen
    assert "s3cr3t-value" not in seen
    assert Instance.objects.get().sealed_url not in seen


def test_lists_filter_and_refuse_what_they_do_not_know(world, erin):
    make_tool(world, tags=["web"])
    make_tool(world, "other", enabled=False)
    names = lambda query: [row["name"] for row in erin.get(f"{ROOT}/tools?{query}").json()["results"]]  # noqa: E731
    assert names("tag=web") == ["list-items"]
    assert names("enabled=no") == ["other"]
    assert names("q=othe") == ["other"]
    assert fields_of(erin.get(f"{ROOT}/tools?colour=red")) == ["colour"]
