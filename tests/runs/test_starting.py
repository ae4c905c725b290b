"""“Change and run again”: what the form shows and sends is what runs."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.domain.schemas.validator import canonical
from runs.models import Run
from tests.html_forms import controls, sent
from tests.runs.driving import drain, start, step
from tests.world import World
from workflows.specification.parameters import check_inputs

pytestmark = pytest.mark.django_db

NODE = {"type": "object", "properties": {"size": {"type": "integer", "default": 1}, "next": {"$ref": "#/$defs/node"}}}
PARAMS: dict[str, Any] = {
    "type": "object",
    "$defs": {"node": NODE, "colour": {"enum": ["red", "green"], "default": "red"}},
    "properties": {
        "prefix": {"type": "string", "default": "pre"},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["x"]},
        "limit": {"type": ["integer", "null"], "default": 5},
        "maybe": {"type": ["string", "null"], "default": "yes"},
        "note": {"type": "string", "default": "none"},
        "doc": {"type": "string", "maxLength": 5000, "default": "d"},
        "plain": {"type": "string"},
        "day": {"type": "string", "format": "date", "default": "2026-01-31"},
        "ratio": {"type": "number", "default": 0.5},
        "big": {"type": "integer"},
        "flag": {"type": "boolean", "default": True},
        "unset": {"type": "boolean"},
        "may": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
        "mixed": {"enum": [1, "1", None, "", True], "default": 1},
        "levels": {"type": "array", "items": {"enum": ["low", "high", "a b"]}, "default": ["low"]},
        "tree": {"$ref": "#/$defs/node"},
        "colour": {"$ref": "#/$defs/colour", "default": "green"},
        "any": {"default": {"a": [1]}},
    },
}
ISSUE = {"prefix": "", "tags": [], "limit": None, "maybe": None, "note": "two\nlines", "doc": "\nlead"}
GIVEN: list[dict[str, Any]] = [
    {},
    ISSUE,
    {"note": "two\r\nlines", "doc": "\r\nlead\rend", "plain": "\r"},
    {"note": "\n", "doc": "\n\n", "plain": "  ", "prefix": "  lead and trail \t", "maybe": ""},
    {"plain": "", "unset": False, "flag": False, "may": False, "levels": []},
    {"tags": [""], "levels": ["high", "low"], "mixed": "1"},
    {"tags": ["a", "", "b\nc", " d "], "levels": ["low", "low"], "mixed": None},
    {"tags": [" lead", "trail ", "\u2028", "x\x0by"], "levels": ["a b", "high"], "mixed": ""},
    {"big": 12345678901234567890123, "ratio": 1.0, "limit": 0, "mixed": True},
    {"big": -(10**300), "ratio": 0.1, "limit": -5},
    {"ratio": 1.5e-300, "big": 1.0, "any": None},
    {"any": "null", "tree": {"next": {"next": {}}}},
    {"any": "", "tree": {}, "colour": "red"},
    {"any": {"deep": [{"\n": " \r\n"}], "n": 1.0}},
    {"plain": "</textarea>&amp;<input name='x'>\"", "note": "é😀\u200b’"},
]


@pytest.fixture
def bob(world: World) -> Any:
    return world.client("bob")


def new_url(run: Run) -> str:
    return f"/p/acme/runs/new?workflow={run.workflow_id}&from={run.pk}"


def sent_untouched(client: Any, url: str, named: str = "workflow", **more: Any) -> Any:
    found = controls(client.get(url).content.decode(), named)
    assert not [one for one in found if one.is_refused]
    return client.post(url, sent(found) | more)


def latest() -> Run:
    return Run.objects.latest("pk")


def give(run: Run, given: dict[str, Any]) -> None:
    Run.objects.filter(pk=run.pk).update(inputs=check_inputs(PARAMS, given))
    run.refresh_from_db()


@pytest.fixture
def earlier(world: World) -> Run:
    return start(world, step("a"), params=PARAMS)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_started_again_untouched_gets_the_same_inputs(world, bob, earlier, given, as_json):
    api = world.api("bob").post("/api/v1/runs", {"workflow": earlier.workflow_id, "inputs": given}, format="json")
    first = Run.objects.get(pk=api.json()["id"])
    assert all(first.inputs[name] == given[name] for name in given if name != "tree")
    answer = sent_untouched(bob, new_url(first) + ("&as_json=1" if as_json else ""))
    assert answer.status_code == 302
    assert latest().pk > first.pk
    assert canonical(latest().inputs) == canonical(first.inputs)


@pytest.mark.parametrize("given", GIVEN)
def test_going_to_json_and_back_changes_nothing_either(bob, earlier, given):
    give(earlier, given)
    url = new_url(earlier)
    page = bob.get(url)
    for holder in ("json", "state.inputs.tags"):
        page = bob.post(url, sent(controls(page.content.decode(), "workflow"), pressed="switch"))
        assert controls(page.content.decode(), "workflow")
        assert f'name="{holder}"' in page.content.decode() or holder != "json"
    assert Run.objects.count() == 1
    assert bob.post(url, sent(controls(page.content.decode(), "workflow"))).status_code == 302
    assert canonical(latest().inputs) == canonical(earlier.inputs)


def test_writing_json_instead_keeps_all_that_was_typed(bob, earlier):
    url = f"/p/acme/runs/new?workflow={earlier.workflow_id}"
    typed = sent(controls(bob.get(url).content.decode(), "workflow"))
    typed |= {"inputs.prefix": [" my "], "inputs.tags": [""], "state.inputs.tags": ["absent"], "tags": ["t1, t2"]}
    html = bob.post(url, typed | {"environment": ["staging"], "switch": ["1"]}).content.decode()
    assert "&quot;prefix&quot;: &quot; my &quot;" in html
    assert "&quot;tags&quot;" not in html
    again = sent(controls(html, "workflow"))
    assert (again["environment"], again["tags"]) == (["staging"], ["t1, t2"])
    assert bob.post(url, again).status_code == 302
    assert (latest().inputs["prefix"], latest().inputs["tags"], latest().environment) == (" my ", ["x"], "staging")
    assert latest().tags == ["t1", "t2"]


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ({"as_json": "1", "json": "{"}, 422, "This is not JSON"),
        ({"as_json": "1", "json": ""}, 422, "This is not JSON"),
        ({"as_json": "1", "json": '{"else": 1}'}, 422, "There is no field for else"),
        ({"inputs.any": "{"}, 422, "This is not JSON"),
        ({"as_json": "1", "json": '{"limit": "soon"}'}, 200, "&quot;soon&quot;"),
    ],
)
def test_what_cannot_be_read_stays_where_it_was_typed(bob, earlier, typed, status, told):
    sent_there = {"workflow": earlier.workflow_id, "environment": "dev", "switch": "1"} | typed
    answer = bob.post("/p/acme/runs/new", sent_there)
    assert (answer.status_code, told in answer.content.decode()) == (status, True)
    assert Run.objects.count() == 1


def test_an_emptied_box_is_empty_and_the_default_is_a_choice(bob, earlier):
    url = f"/p/acme/runs/new?workflow={earlier.workflow_id}"
    untouched = sent(controls(bob.get(url).content.decode(), "workflow"))
    emptied = {"inputs.prefix": "", "inputs.tags": "", "inputs.maybe": "", "inputs.limit": ""}
    bob.post(url, untouched | emptied)
    assert [latest().inputs[name] for name in ("prefix", "tags", "maybe", "limit")] == ["", [], "", None]
    by_default = {f"state.{name}": "absent" for name in emptied}
    bob.post(url, untouched | emptied | by_default)
    assert [latest().inputs[name] for name in ("prefix", "tags", "maybe", "limit")] == ["pre", ["x"], "yes", 5]


def test_what_is_refused_is_shown_as_it_was_typed(bob, earlier):
    url = f"/p/acme/runs/new?workflow={earlier.workflow_id}"
    typed = sent(controls(bob.get(url).content.decode(), "workflow"))
    typed |= {"inputs.note": ["\r\nodd"], "inputs.prefix": [""], "inputs.day": ["soon"], "inputs.flag": []}
    answer = bob.post(url, typed)
    assert answer.status_code == 422
    again = sent(controls(answer.content.decode(), "workflow"))
    names = ("inputs.note", "inputs.prefix", "inputs.day", "state.inputs.flag", "state.inputs.prefix")
    assert [again.get(name) for name in names] == [["\r\nodd"], [""], ["soon"], ["box"], ["empty"]]
    assert "inputs.flag" not in again


def test_inputs_that_no_field_can_show_begin_as_json(world, bob):
    params = {"properties": {"a": {"type": "string"}}, "additionalProperties": True}
    run = start(world, step("a"), params=params, inputs={"a": "x", "more": ["y"]})
    page = bob.get(new_url(run)).content.decode()
    assert "There is no field for more." in page
    sent_untouched(bob, new_url(run))
    assert latest().inputs == {"a": "x", "more": ["y"]}


def test_a_replay_sent_untouched_has_the_same_inputs(bob, earlier):
    for given in GIVEN:
        give(drain(earlier), given)
        url = f"/p/acme/runs/{earlier.pk}/replay"
        assert sent_untouched(bob, url, named="inputs").status_code == 302
        assert canonical(latest().inputs) == canonical(earlier.inputs)
    count = Run.objects.count()
    emptied = bob.post(f"/p/acme/runs/{earlier.pk}/replay", {"step": "a", "inputs": ""})
    assert (emptied.status_code, b"This is not JSON" in emptied.content, Run.objects.count()) == (422, True, count)


def test_inputs_in_another_order_are_the_same_to_a_replay(world):
    steps = [step("a", "transform", with_="${{ params.any }}"), step("b", needs="a")]
    run = drain(start(world, *steps, params=PARAMS, inputs={"any": {"b": 1, "c": {"e": 1, "d": 2}}}))
    asked = {"step": "b", "inputs": '{"any": {"c": {"d": 2, "e": 1}, "b": 1}}'}
    said = world.api("vera").get(f"/api/v1/runs/{run.pk}/replay", asked).json()
    assert [(one["key"], one["outcome"]) for one in said["steps"]] == [("a", "reuse"), ("b", "rerun")]
