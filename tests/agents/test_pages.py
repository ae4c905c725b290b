from __future__ import annotations

import json
import re

import pytest

from agents import actions
from agents.models import Agent, Instance, Tool
from agents.trials.examples import example_of
from controlplane.projects.actions import set_secret
from tests.agents.catalogue import HTTP_CONFIG, LLM_CONFIG, make_agent, make_instance, make_tool, sqlite_file
from tests.agents.model_server import model_server, says_text
from tests.agents.servers import Says

pytestmark = pytest.mark.django_db
ROOT = "/p/acme"
TOOL_FORM = {
    "name": "list-items",
    "timeout_seconds": "30",
    "cost_usd": "0",
    "method": "GET",
    "url": "https://api.example.com/items",
}
AGENT_FORM = {"name": "triager", "timeout_seconds": "30", "base_url": LLM_CONFIG["base_url"], "model": "gpt-4o-mini"}


@pytest.fixture
def erin(world):
    return world.client("erin")


def text_of(response) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize("plural", ["tools", "agents", "instances"])
def test_an_empty_list_leads_to_the_first_one(world, plural):
    assert f'href="{ROOT}/{plural}/new"' in world.client("erin").get(f"{ROOT}/{plural}/").content.decode()
    assert f'href="{ROOT}/{plural}/new"' not in world.client("vera").get(f"{ROOT}/{plural}/").content.decode()


def test_lists_show_what_there_is(world, tmp_path):
    make_tool(world, tags=["web"])
    make_agent(world)
    make_instance(world, tmp_path)
    vera = world.client("vera")
    assert "list-items" in text_of(vera.get(f"{ROOT}/tools/?kind=http&tag=web"))
    assert "Nothing matches" in text_of(vera.get(f"{ROOT}/tools/?kind=sql"))
    assert "Model" in text_of(vera.get(f"{ROOT}/agents/"))
    assert "Healthy" in text_of(vera.get(f"{ROOT}/instances/?healthy=yes"))


@pytest.mark.parametrize("path", ["tools", "agents", "instances"])
def test_what_is_not_yours_is_not_found(world, tmp_path, path):
    rows = {"tools": make_tool(world), "agents": make_agent(world), "instances": make_instance(world, tmp_path)}
    pk = rows[path].pk
    for page in ("", "edit", "deletion", "trial"):
        mine = world.client("mallory").get(f"/p/globex/{path}/{pk}/{page}")
        assert mine.status_code in (404, 405)
        assert world.client("mallory").get(f"/p/acme/{path}/{pk}/{page}").status_code == 404


@pytest.mark.parametrize(
    ("plural", "kind"),
    [
        (plural, kind)
        for plural, kinds in (("tools", "http function sql"), ("agents", "llm http function"))
        for kind in kinds.split()
    ]
    + [("instances", kind) for kind in ("postgres", "sqlite", "duckdb")],
)
def test_each_kind_has_its_form(erin, plural, kind):
    assert f"?kind={kind}" in erin.get(f"{ROOT}/{plural}/new").content.decode()
    response = erin.get(f"{ROOT}/{plural}/new?kind={kind}")
    assert response.status_code == 200
    assert '<label class="field__label" for="id_name">' in response.content.decode()


def test_an_unknown_kind_offers_the_kinds(erin):
    assert erin.get(f"{ROOT}/tools/new?kind=magic").status_code == 200
    assert erin.post(f"{ROOT}/tools/new?kind=magic", TOOL_FORM).status_code == 400


def test_a_form_makes_a_tool(world, erin):
    set_secret(world.acme, name="KEY", value="s3cr3t-value", by=world.actor("alice"))
    form = {**TOOL_FORM, "headers": '{"Authorization": "Bearer ${{ secrets.KEY }}"}', "tags": "web, read ,web"}
    response = erin.post(
        f"{ROOT}/tools/new?kind=http", {**form, "input_schema": '{"type": "object"}', "idempotent": "on"}
    )
    tool = Tool.objects.get()
    assert response["Location"] == f"{ROOT}/tools/{tool.pk}/"
    assert tool.config == {
        "method": "GET",
        "url": "https://api.example.com/items",
        "headers": {"Authorization": "Bearer ${{ secrets.KEY }}"},
    }
    assert (tool.tags, tool.input_schema, tool.idempotent, tool.timeout_seconds) == (
        ["web", "read"],
        {"type": "object"},
        True,
        30,
    )
    assert "s3cr3t-value" not in erin.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": "Not Good"}, "name", "pattern"),
        ({"url": "ftp://x"}, "url", "http or https"),
        ({"headers": "{"}, "headers", "not JSON"),
        ({"headers": '{"Host": "x"}'}, "headers", "Host: The portal sets"),
        ({"headers": '["x"]'}, "headers", "must be an object"),
        ({"input_schema": '{"type": "nonsense"}'}, "input_schema", "type:"),
        ({"timeout_seconds": "0"}, "timeout_seconds", "greater than or equal to 1"),
        ({"cost_usd": ""}, "cost_usd", "required"),
    ],
)
def test_errors_stand_at_their_field_and_keep_what_was_typed(erin, changes, field, message):
    response = erin.post(f"{ROOT}/tools/new?kind=http", {**TOOL_FORM, "description": "typed before", **changes})
    html = response.content.decode()
    assert response.status_code == 422
    assert "typed before" in html
    at = re.search(rf'<div id="id_{field}_error">(.*?)</div>\s*</div>', html, re.DOTALL)
    assert at
    assert message in at[1]
    assert not Tool.objects.exists()


def test_a_taken_name_stands_at_the_name(world, erin):
    make_tool(world)
    response = erin.post(f"{ROOT}/tools/new?kind=http", TOOL_FORM)
    assert "This name is taken." in text_of(response)


def test_a_form_makes_a_model_with_tools_and_limits(world, erin):
    make_tool(world)
    form = {**AGENT_FORM, "tools": ["list-items"], "max_steps": "5", "max_cost_usd": "0.5", "temperature": "0.2"}
    assert erin.post(f"{ROOT}/agents/new?kind=llm", form).status_code == 302
    assert Agent.objects.get().config == {
        **LLM_CONFIG,
        "tools": ["list-items"],
        "max_steps": 5,
        "max_cost_usd": 0.5,
        "temperature": 0.2,
    }


def test_an_edit_makes_the_next_version(world, erin):
    tool = make_tool(world, tags=["web"], config={**HTTP_CONFIG, "headers": {"X": "1"}})
    page = erin.get(f"{ROOT}/tools/{tool.pk}/edit").content.decode()
    assert 'value="web"' in page
    assert 'name="version_no" value="1"' in page
    assert "&quot;X&quot;: &quot;1&quot;" in page
    response = erin.post(f"{ROOT}/tools/{tool.pk}/edit", {**TOOL_FORM, "version_no": "1", "description": "new"})
    assert response.status_code == 302
    tool.refresh_from_db()
    assert (tool.version_no, tool.description, tool.tags) == (2, "new", [])
    old = text_of(erin.get(f"{ROOT}/tools/{tool.pk}/?version=1"))
    assert "Version 1" in old
    assert "As it was configured by erin" in old
    assert erin.get(f"{ROOT}/tools/{tool.pk}/?version=9").status_code == 404


def test_a_second_editor_keeps_the_text_and_is_told(world, erin):
    tool = make_tool(world)
    actions.update_tool(tool, description="by alice", by=world.actor("alice"))
    form = {**TOOL_FORM, "version_no": "1", "description": "by erin"}
    response = erin.post(f"{ROOT}/tools/{tool.pk}/edit", form)
    assert response.status_code == 409
    assert "alice saved version 2 after you opened version 1" in text_of(response)
    assert "by erin" in text_of(response)


def test_a_deletion_shows_what_would_break(world):
    alice, tool = world.client("alice"), make_tool(world)
    agent = make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    page = alice.get(f"{ROOT}/tools/{tool.pk}/deletion").content.decode()
    assert f'href="{ROOT}/agents/{agent.pk}/"' in page
    assert "Delete tool" not in page
    assert alice.post(f"{ROOT}/tools/{tool.pk}/deletion").status_code == 409
    actions.delete_agent(agent, by=world.actor("alice"))
    assert alice.post(f"{ROOT}/tools/{tool.pk}/deletion")["Location"] == f"{ROOT}/tools/"
    assert not Tool.objects.exists()


def test_switching_from_the_page(world, erin):
    tool = make_tool(world)
    assert "Enabled" in text_of(erin.get(f"{ROOT}/tools/{tool.pk}/"))
    erin.post(f"{ROOT}/tools/{tool.pk}/disabling")
    assert "Disabled" in text_of(erin.get(f"{ROOT}/tools/{tool.pk}/"))
    assert erin.post(f"{ROOT}/tools/{tool.pk}/disabling").status_code == 409


@pytest.mark.parametrize("page", ["new?kind=http", "{pk}/edit", "{pk}/deletion", "{pk}/disabling"])
def test_who_may_not_edit_is_refused(world, page):
    tool = make_tool(world)
    bob = world.client("bob")
    assert bob.post(f"{ROOT}/tools/{page.format(pk=tool.pk)}", TOOL_FORM).status_code == 403
    assert Tool.objects.get().version_no == 1
    detail = bob.get(f"{ROOT}/tools/{tool.pk}/").content.decode()
    assert "/edit" not in detail
    assert "/disabling" not in detail


def test_a_test_starts_from_an_example_and_shows_the_real_answer(world, web):
    schema = {"type": "object", "properties": {"days": {"type": "integer", "default": 7}, "q": {"type": "string"}}}
    tool = make_tool(world, config={"url": web.url}, input_schema=schema, cost_usd="0.25")
    bob, url = world.client("bob"), f"{ROOT}/tools/{tool.pk}/trial"
    page = bob.get(f"{url}?as_json=1")
    assert json.loads(page.context["text"]) == {"days": 7, "q": ""}
    shown = text_of(bob.post(url, {"input": '{"days": 8}'}))
    assert "&quot;ok&quot;: true" in shown
    assert "$0.25" in shown
    assert web.asked[0].json == {"days": 8}
    part = bob.post(url, {"input": "{}"}, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section id="trial"')


@pytest.mark.parametrize(
    ("input", "status", "shown"),
    [
        ("{", 200, "This is not JSON"),
        ("[]", 200, "must be an object"),
        ('{"days": "x"}', 500, "input.days"),
        ('{"days": 1}', 500, "http_status"),
        ('{"days": 1}', 200, "bad_output"),
    ],
)
def test_a_test_that_fails_says_why(world, web, input, status, shown):
    web.answer = Says({"ok": True}, status=status)
    tool = make_tool(
        world,
        config={"url": web.url},
        input_schema={"type": "object", "properties": {"days": {"type": "integer"}}},
        output_schema={"required": ["count"]},
    )
    response = world.client("bob").post(f"{ROOT}/tools/{tool.pk}/trial", {"input": input})
    assert response.status_code == 200
    assert shown in text_of(response)


def test_a_viewer_may_not_test(world, web):
    tool = make_tool(world, config={"url": web.url})
    vera = world.client("vera")
    assert vera.get(f"{ROOT}/tools/{tool.pk}/trial").status_code == 403
    assert vera.post(f"{ROOT}/tools/{tool.pk}/trial", {"input": "{}"}).status_code == 403
    assert web.asked == []


def test_an_agent_is_tried_from_its_page(world, settings):
    with model_server(says_text("It is fine.")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        agent = make_agent(world, config={"base_url": f"{model.url}/v1", "model": "gpt-4o-mini"})
        response = world.client("bob").post(f"{ROOT}/agents/{agent.pk}/trial", {"input": '{"prompt": "Well?"}'})
    assert "It is fine." in text_of(response)
    assert "1000 in, 100 out" in text_of(response)


# Instances


def test_a_form_connects_an_instance_and_never_shows_the_url(world, erin, tmp_path):
    set_secret(world.acme, name="FOLDER", value=str(tmp_path), by=world.actor("alice"))
    sqlite_file(tmp_path)
    url = "${{ secrets.FOLDER }}/sales.sqlite"
    response = erin.post(f"{ROOT}/instances/new?kind=sqlite", {"name": "sales", "url": url, "timeout_seconds": "5"})
    page = erin.get(response["Location"])
    assert "orders" in text_of(page)
    assert "Healthy" in text_of(page)
    assert str(tmp_path) not in page.content.decode()
    edit = erin.get(f"{response['Location']}edit").content.decode()
    assert str(tmp_path) not in edit
    assert "Leave it empty to keep it" in edit


def test_a_connection_that_cannot_be_used_stands_at_the_url(erin, tmp_path):
    form = {"name": "sales", "url": str(tmp_path / "none.sqlite"), "timeout_seconds": "5"}
    response = erin.post(f"{ROOT}/instances/new?kind=sqlite", form)
    assert response.status_code == 422
    assert "There is no file" in text_of(response)
    assert not Instance.objects.exists()


def test_an_edit_without_a_url_keeps_it(world, erin, tmp_path):
    instance = make_instance(world, tmp_path)
    form = {"name": "sales", "url": "", "timeout_seconds": "9", "version_no": "1"}
    assert erin.post(f"{ROOT}/instances/{instance.pk}/edit", form).status_code == 302
    assert actions.try_instance(Instance.objects.get(), by=world.actor("bob"))["ok"]


def test_an_instance_that_is_gone_turns_unhealthy_when_tested(world, tmp_path):
    instance = make_instance(world, tmp_path)
    sqlite_file(tmp_path).unlink()
    bob = world.client("bob")
    bob.post(f"{ROOT}/instances/{instance.pk}/trial")
    shown = text_of(bob.get(f"{ROOT}/instances/{instance.pk}/"))
    assert "Unhealthy" in shown
    assert "There is no file" in shown


# Django admin


def test_the_admin_shows_everything_and_acts_through_the_actions(world, tmp_path, admin_client):
    tool, instance = make_tool(world), make_instance(world, tmp_path)
    make_agent(world, config={**LLM_CONFIG, "tools": ["list-items"]})
    for model, pk in (("tool", tool.pk), ("instance", instance.pk)):
        assert admin_client.get(f"/admin/agents/{model}/").status_code == 200
        page = admin_client.get(f"/admin/agents/{model}/{pk}/change/")
        assert page.status_code == 200
        assert instance.sealed_url not in page.content.decode()
    for model in ("agent", "revision", "slot"):
        assert admin_client.get(f"/admin/agents/{model}/").status_code == 200
    chosen = {"action": "delete_rows", "_selected_action": [str(tool.pk)]}
    assert "agent triager would break" in text_of(admin_client.post("/admin/agents/tool/", chosen, follow=True))
    chosen["action"] = "disable_selected"
    admin_client.post("/admin/agents/tool/", chosen)
    assert not Tool.objects.get().enabled


def test_the_form_of_an_agent_that_is_scaled_leaves_its_replicas_alone(world, erin):
    """Somebody opened it, the portal scaled, then it was saved."""
    agent = make_agent(world, max_concurrent=1)
    actions.scale_agent(agent, least=1, most=5, desired=4, by=world.actor("erin"))
    assert "max_concurrent" not in erin.get(f"{ROOT}/agents/{agent.pk}/edit").content.decode()
    erin.post(f"{ROOT}/agents/{agent.pk}/edit", {**AGENT_FORM, "max_concurrent": "1", "description": "x"})
    agent.refresh_from_db()
    assert (agent.description, agent.max_concurrent) == ("x", 4)


def test_the_example_of_a_schema_that_refers_to_itself_has_an_end():
    properties = {"name": {"type": "string"}, "left": {"$ref": "#"}, "right": {"$ref": "#"}}
    assert example_of({"type": "object", "properties": properties}) == {"name": "", "left": None, "right": None}


def test_the_example_of_a_schema_that_doubles_with_every_level_has_an_end():
    levels = {f"l{n}": {"properties": {side: {"$ref": f"#/$defs/l{n + 1}"} for side in "abcdefgh"}} for n in range(29)}
    made = example_of({"properties": {"x": {"$ref": "#/$defs/l0"}}, "$defs": levels | {"l29": {"type": "string"}}})
    assert len(json.dumps(made)) < 50_000
