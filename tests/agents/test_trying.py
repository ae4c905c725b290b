"""The test page of tools and agents: fields from the input schema, and the same as JSON."""

from __future__ import annotations

import json
import re

import pytest

from agents.models import Tool
from tests.agents.catalogue import make_agent, make_tool
from tests.agents.model_server import model_server, says_text
from tests.html_forms import controls, sent

pytestmark = pytest.mark.django_db
SCHEMA = {
    "type": "object",
    "properties": {
        "days": {"type": "integer", "minimum": 1, "default": 7, "title": "Look back"},
        "state": {"enum": ["open", "closed"]},
        "draft": {"type": "boolean"},
        "labels": {"type": "array", "items": {"type": "string"}},
        "options": {"type": "object", "properties": {"deep": {"type": "integer"}}},
    },
    "required": ["state"],
}
TYPED = {"input.days": "14", "input.state": "open", "input.labels": "a\r\nb", "input.options": '{"deep": 2}'}


@pytest.fixture
def tool(world, web) -> Tool:
    return make_tool(world, config={"url": web.url}, input_schema=SCHEMA)


@pytest.fixture
def bob(world):
    return world.client("bob")


def trial(tool: Tool) -> str:
    return f"/p/acme/tools/{tool.pk}/trial"


def names_in(response) -> list[str]:
    return names_in_text(response.content.decode())


def names_in_text(html: str) -> list[str]:
    return re.findall(r' name="(input[^"]*)"', html)


def test_each_property_has_its_field_with_its_default(tool, bob):
    page = bob.get(trial(tool))
    names = names_in(page)
    assert (names[0], set(names)) == ("input.state", {f"input.{name}" for name in SCHEMA["properties"]})
    html = page.content.decode()
    assert 'type="number" value="7"' in html
    assert "Look back" in html
    assert "Write the input as JSON instead" in html


def test_what_is_typed_is_sent_as_the_schema_has_it(tool, web, bob):
    page = bob.post(trial(tool), TYPED).content.decode()
    sent = {"days": 14, "state": "open", "labels": ["a", "b"], "options": {"deep": 2}}
    assert web.asked[0].json == sent
    assert "&quot;ok&quot;: true" in page
    assert 'type="number" value="14"' in page


@pytest.mark.parametrize(
    ("wrong", "name", "message"),
    [
        ({"input.days": "0"}, "input.days", "at least 1"),
        ({"input.days": "many"}, "input.days", "must be an integer"),
        ({"input.options": "{"}, "input.options", "This is not JSON"),
        ({"input.options": '{"deep": "x"}'}, "input.options", "must be an integer"),
        ({"input.state": ""}, "input.state", "required"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(tool, web, bob, wrong, name, message):
    for headers in ({}, {"HX-Request": "true"}):
        html = bob.post(trial(tool), TYPED | wrong, headers=headers).content.decode()
        assert re.search(rf'id="{re.escape(name)}-error"[^§]*?{message}', html)
        assert "Mend what is marked" in html
        assert re.search(r'<textarea[^>]*name="input\.labels"[^>]*>a\r\nb</textarea>', html)
    assert web.asked == []


def test_an_answer_brings_the_fields_along_without_their_errors(tool, bob):
    part = bob.post(trial(tool), TYPED, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section id="trial"')
    assert '<fieldset class="form-stack" id="trial-fields" hx-swap-oob="true">' in part
    assert "field--invalid" not in part
    assert "hx-swap-oob" not in bob.post(trial(tool), TYPED).content.decode()


def test_the_same_can_be_written_as_json(tool, web, bob):
    page = bob.get(f"{trial(tool)}?as_json=1")
    assert names_in(page) == ["input"]
    assert "Fill in fields instead" in page.content.decode()
    answer = bob.post(trial(tool), {"input": '{"state": "closed"}'})
    assert names_in(answer) == ["input"]
    assert web.asked[0].json == {"state": "closed"}


SHOWN = [
    {"state": "open", "days": 1, "draft": False, "labels": [], "options": {}},
    {"state": "closed", "labels": ["", "a\nb", " c "], "options": {"deep": 2}},
    {"state": "open", "days": 10**20, "labels": ["two words"]},
]


@pytest.mark.parametrize("given", SHOWN)
def test_going_from_json_to_fields_and_sending_them_calls_with_the_same(tool, web, bob, given):
    page = bob.post(trial(tool), {"input": json.dumps(given), "switch": "1"}).content.decode()
    fields = controls(page, "input.state")
    assert web.asked == []
    back = bob.post(trial(tool), sent(fields, pressed="switch")).content.decode()
    assert json.loads(sent(controls(back, "input"))["input"][0]) == given
    assert web.asked == []
    assert bob.post(trial(tool), sent(fields)).status_code == 200
    assert web.asked[0].json == given


def test_what_no_field_can_show_stays_json(tool, web, bob):
    for text, told in (("{", "This is not JSON"), ('{"else": 1}', "The fields can hold only")):
        page = bob.post(trial(tool), {"input": text, "switch": "1"}).content.decode()
        assert (told in page, names_in_text(page)) == (True, ["input"])
    assert web.asked == []


def test_without_properties_there_is_only_json(world, web, bob):
    page = bob.get(trial(make_tool(world, config={"url": web.url})))
    assert names_in(page) == ["input"]
    assert "Fill in fields" not in page.content.decode()


def test_a_fault_that_lies_in_no_field_is_listed(world, web, bob):
    tool = make_tool(world, config={"url": f"{web.url}/{{id}}"}, input_schema={"properties": {"q": {}}})
    html = bob.post(trial(tool), {"input.q": "1"}).content.decode()
    assert "input.id" in html
    assert "Mend what is marked" not in html


def test_an_agent_is_asked_with_a_prompt_in_a_field(world, bob, settings):
    with model_server(says_text("It is fine.")) as model:
        settings.OUTBOUND_ALLOW = [model.address]
        agent = make_agent(world, config={"base_url": f"{model.url}/v1", "model": "gpt-4o-mini"})
        at = f"/p/acme/agents/{agent.pk}/trial"
        assert names_in(bob.get(at)) == ["input.prompt", "input.input"]
        assert "It is fine." in bob.post(at, {"input.prompt": "Well?", "input.input": "[1, 2]"}).content.decode()
        empty = bob.post(at, {"input.prompt": ""}).content.decode()
    assert 'id="input.prompt-error"' in empty
