"""Schemas as generators write them, and as an attacker does."""

from __future__ import annotations

import json
import time
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from controlplane.domain.errors import InvalidInput
from controlplane.domain.json_schema import schema_faults, value_faults
from controlplane.ui.schema_form import form_fields
from workflows.specification.language import StaticCatalogue, validate
from workflows.specification.outline import parameters_of
from workflows.specification.parameters import check_inputs

pytestmark = pytest.mark.timeout(120)


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Window(BaseModel):
    days: int = 7
    label: str | None = None


class Mail(BaseModel):
    kind: Literal["mail"] = "mail"
    to: str


class Hook(BaseModel):
    kind: Literal["hook"] = "hook"
    url: str
    tries: int = 3


class Tree(BaseModel):
    name: str
    below: list[Tree] = []


class Order(BaseModel):
    window: Window = Window(days=30)
    spare: Window | None = None
    colour: Colour = Colour.GREEN
    colours: list[Colour] = [Colour.RED]
    windows: list[Window] = [Window(days=1)]
    by_name: dict[str, Window] = {}
    target: Mail | Hook | None = Field(default=None, discriminator="kind")
    tree: Tree | None = None
    pair: tuple[int, Window] | None = None
    note: str | None = None
    flag: bool = False
    free: dict[str, Any] = {}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    window: Window


@dataclass
class Plain:
    window: Window
    size: int = 3


ORDER = Order.model_json_schema()
FILLED = {
    "window": {"days": 30, "label": None},
    "spare": None,
    "colour": "green",
    "colours": ["red"],
    "windows": [{"days": 1, "label": None}],
    "by_name": {},
    "target": None,
    "tree": None,
    "pair": None,
    "note": None,
    "flag": False,
    "free": {},
}
ZOD = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$ref": "#/definitions/Input",
    "definitions": {
        "Input": {
            "type": "object",
            "properties": {
                "to": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
                "cc": {"anyOf": [{"$ref": "#/definitions/Input/properties/to"}, {"type": "null"}], "default": None},
                "size": {"allOf": [{"type": "integer", "default": 1}, {"minimum": 0}], "default": 2},
            },
            "required": ["to"],
        }
    },
}


def released(params: dict[str, Any]) -> dict[str, Any]:
    """As it may be released; raises InvalidInput."""
    return dict(
        validate({"params": params, "steps": [{"key": "a", "uses": "noop"}]}, catalogue=StaticCatalogue()).params
    )


def refused(schema: dict[str, Any], inputs: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as error:
        check_inputs(schema, inputs)
    return [(one.field.removeprefix("inputs."), one.code) for one in error.value.errors]


def test_a_model_is_released_and_its_defaults_are_those_of_the_model():
    assert check_inputs(released(ORDER), {}) == FILLED == Order().model_dump(mode="json")


@pytest.mark.parametrize(
    "given",
    [
        {"spare": {}},
        {"target": {"kind": "hook", "url": "u"}},
        {"target": {"kind": "mail", "to": "t"}},
        {"tree": {"name": "a", "below": [{"name": "b", "below": [{"name": "c"}]}]}},
        {"by_name": {"x": {}, "y": {"days": 2}}},
        {"pair": [1, {}]},
        {"windows": [{}, {"label": "w"}]},
        {"free": {"any": {"thing": 1}}},
    ],
)
def test_inputs_get_the_defaults_that_the_model_gives_them(given):
    assert check_inputs(ORDER, given) == Order(**given).model_dump(mode="json")
    assert check_inputs(ORDER, check_inputs(ORDER, given)) == check_inputs(ORDER, given)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"windows": [{"dayz": 1}]}, "windows[0].dayz"),
        ({"window": {"dayz": 1}}, "window.dayz"),
        ({"spare": {"dayz": 1}}, "spare.dayz"),
        ({"by_name": {"x": {"dayz": 1}}}, "by_name.x.dayz"),
        ({"target": {"kind": "mail", "to": "t", "url": "u"}}, "target.url"),
        ({"tree": {"name": "a", "below": [{"name": "b", "belo": []}]}}, "tree.below[0].belo"),
        ({"pair": [1, {"dayz": 1}]}, "pair[1].dayz"),
    ],
)
def test_what_the_model_does_not_list_is_refused_at_every_level(given, path):
    assert refused(ORDER, given) == [(path, "unknown")]


def test_what_is_wrong_behind_or_null_is_told_at_its_place():
    assert refused(ORDER, {"spare": {"days": "soon"}}) == [("spare.days", "type")]
    assert refused(ORDER, {"spare": {"days": "soon", "dayz": 1}}) == [("spare.days", "type"), ("spare.dayz", "unknown")]


def test_the_form_asks_for_what_the_model_has():
    kinds = {one.key: (one.kind, one.value) for one in form_fields(ORDER)}
    assert kinds["colour"] == ("select", "green")
    assert kinds["colours"] == ("multiselect", "red")
    assert kinds["note"] == ("text", "")
    assert kinds["flag"] == ("boolean", "false")
    assert kinds["window"][0] == kinds["spare"][0] == kinds["target"][0] == kinds["tree"][0] == "json"
    assert '"days": 30' in kinds["window"][1]
    lines = {line.name: (line.type, line.default) for line in parameters_of({"params": ORDER})}
    assert lines["colour"] == ("red | green", '"green"')
    assert lines["note"] == ("string | null", "null")


def test_other_generators_are_read_alike():
    assert check_inputs(released(ZOD), {"to": {"id": "x"}}) == {"to": {"id": "x"}, "cc": None, "size": 2}
    assert refused(ZOD, {"to": {"id": "x"}, "cc": {"id": "y", "n": 1}}) == [("cc.n", "unknown")]
    assert [(one.key, one.kind) for one in form_fields(ZOD)] == [("to", "json"), ("cc", "json"), ("size", "integer")]
    plain = TypeAdapter(Plain).json_schema()
    assert check_inputs(released(plain), {"window": {}}) == {"window": {"days": 7, "label": None}, "size": 3}
    strict = Strict.model_json_schema()
    assert refused(released(strict), {"window": {}, "x": 1}) == [("x", "unknown")]


@pytest.mark.django_db
def test_over_the_api_a_model_is_released_run_and_refused_alike(world):
    erin, bob = world.api("erin"), world.api("bob")
    text = json.dumps({"params": ORDER, "steps": [{"key": "a", "uses": "noop"}]})
    made = erin.post("/api/v1/workflows", {"name": "orders", "specification": text}, format="json")
    assert made.status_code == 201, made.json()
    at = f"/api/v1/workflows/{made.json()['id']}"
    assert erin.post(f"{at}/publish", {}, format="json").status_code == 200
    sent = {"workflow": made.json()["id"], "inputs": {"windows": [{}]}}
    assert bob.post("/api/v1/runs", sent, format="json").json()["inputs"] == {
        **FILLED,
        "windows": [{"days": 7, "label": None}],
    }
    answer = bob.post("/api/v1/runs", sent | {"inputs": {"windows": [{"dayz": 1}]}}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "inputs.windows[0].dayz")
    for params in NEVER:
        text = json.dumps({"params": params, "steps": [{"key": "a", "uses": "noop"}]})
        answer = erin.post(f"{at}/validate", {"specification": text}, format="json")
        assert answer.status_code < 500
        assert b"params" in answer.content


OPEN_AND_CLOSED = [
    ({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 2}, []),
    ({"anyOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 2}, ["a"]),
    ({"anyOf": [{"properties": {"a": {}}, "required": ["a"]}, {"type": "object"}]}, {"a": 1, "z": 2}, []),
    ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "z": 2}, ["z"]),
    ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 2, "z": 3}, ["z"]),
    ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, {"x1": 1, "y": 2}, ["y"]),
    ({"properties": {"a": {}}, "additionalProperties": True}, {"z": 2}, []),
    ({"properties": {"a": {}}, "additionalProperties": {"properties": {"b": {}}}}, {"z": {"b": 1, "c": 1}}, ["z.c"]),
    ({"properties": {"a": {}}, "dependentSchemas": {"a": {"properties": {"b": {}}}}}, {"b": 1}, ["b"]),
    ({"properties": {"a": {}}, "dependentSchemas": {"a": {"properties": {"b": {}}}}}, {"a": 1, "b": 1}, []),
    (
        {"properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"properties": {"b": {}}}},
        {"a": 1, "b": 1},
        [],
    ),
    ({"properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"properties": {"b": {}}}}, {"b": 1}, ["b"]),
    ({"properties": {"a": {}}, "unevaluatedProperties": {"type": "integer"}}, {"z": 1}, []),
    ({"type": "object"}, {"z": 1}, []),
]


@pytest.mark.parametrize(("schema", "inputs", "unknown"), OPEN_AND_CLOSED)
def test_a_key_is_known_when_a_form_that_the_value_has_knows_it(schema, inputs, unknown):
    nested = {"properties": {"in": {"$ref": "#/$defs/it"}}, "$defs": {"it": schema}}
    for params, given, prefix in ((schema, inputs, ""), (nested, {"in": inputs}, "in.")):
        released(params)
        if unknown:
            assert refused(params, given) == [(f"{prefix}{name}", "unknown") for name in unknown]
        else:
            assert check_inputs(params, given) == given


WRONG_DEFAULTS = [
    ({"$ref": "#/$defs/w", "default": {"days": "x"}}, "properties.a.default"),
    ({"$ref": "#/$defs/w", "default": {"dayz": 1}}, "properties.a.default"),
    ({"type": "array", "items": {"$ref": "#/$defs/w"}, "default": [{"dayz": 1}]}, "properties.a.default"),
    ({"type": "object", "properties": {"b": {"type": "string", "default": None}}}, "properties.a.properties.b.default"),
]


@pytest.mark.parametrize(("part", "path"), WRONG_DEFAULTS)
def test_a_default_that_does_not_fit_is_named(part, path):
    with pytest.raises(InvalidInput) as error:
        released({"properties": {"a": part}, "$defs": {"w": {"properties": {"days": {"type": "integer"}}}}})
    assert [one.field for one in error.value.errors] == [f"params.{path}"]


def chained(levels: int) -> dict[str, Any]:
    return {f"l{n}": {"$ref": f"#/$defs/l{n + 1}"} for n in range(levels)} | {f"l{levels}": {"type": "string"}}


def nested_forms(levels: int, keyword: str) -> dict[str, Any]:
    return {f"l{n}": {keyword: [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(levels)} | {f"l{levels}": {}}


def chained_forms(levels: int) -> dict[str, Any]:
    links = {f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}, {"type": "null"}]} for n in range(levels)}
    return links | {f"l{levels}": {"type": "string"}}


SLOW = "^(a+)+$"
NEVER = [
    {"$ref": "#"},
    {"properties": {"a": {"$ref": "#/properties/a"}}},
    {"properties": {"a": {"anyOf": [{"$ref": "#/properties/a"}, {"type": "null"}]}}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}},
    {"properties": {"a": {"$ref": "https://example.com/x.json"}}},
    {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
    {"properties": {"a": {"$dynamicRef": "#x"}}},
    {"properties": {"a": {"$id": "http://x/y"}}},
    {"properties": {"default": {"$ref": "#/$defs/none"}}},
    {"properties": {"a": {"$ref": "#/properties/b/default"}, "b": {"default": {"type": 5}}}},
    {"properties": {"a": {"$ref": "#/x-of-mine/a"}}, "x-of-mine": {"a": {"properties": 3}}},
    {"properties": {"a": {"$ref": "#/properties/a/enum/0", "enum": [1]}}},
    {"properties": {"a": {"$ref": 5}}},
    {"properties": {"a": {"properties": {"a": {"$ref": "#/properties/a", "default": {}}}, "default": {}}}},
]  # fmt: skip


@pytest.mark.parametrize("params", NEVER)
def test_a_schema_without_end_or_ground_is_not_released(params):
    with pytest.raises(InvalidInput):
        released(params)


HOSTILE = [
    ({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": chained(600)}, {"a": "x"}),
    ({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": chained_forms(500)}, {"a": "x"}),
    ({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": nested_forms(24, "anyOf")}, {"a": {"b": 1}}),
    ({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": nested_forms(24, "oneOf")}, {"a": {"b": 1}}),
    ({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": nested_forms(24, "allOf")}, {"a": {"b": 1}}),
    ({"patternProperties": {SLOW: {}}, "additionalProperties": False}, {"a" * 200 + "b": 1}),
    ({"patternProperties": {SLOW: {}}, "unevaluatedProperties": False}, {"a" * 200 + "b": 1}),
    ({"propertyNames": {"pattern": SLOW}}, {"a" * 200 + "b": 1}),
    ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, {"a": [{"n": n} for n in range(5_000)]}),
    ({"properties": {"a": {"multipleOf": 0.5}}}, {"a": 10**400}),
    ({"properties": {"a": {"multipleOf": 1e-300}}}, {"a": 10**300}),
    ({"properties": {"a": {"type": "string", "default": "x" * 900_000}, "b": {"$ref": "#/properties/a"}}}, {}),
]


@pytest.mark.parametrize(("params", "inputs"), HOSTILE)
def test_a_schema_that_asks_for_much_is_answered_soon(params, inputs):
    began = time.process_time()
    answers = [answer_of(released, params), answer_of(check_inputs, params, inputs)]
    form_fields(params, inputs)
    assert all(one is None or one.errors for one in answers)
    assert time.process_time() - began < 60


def answer_of(ask: Any, *given: Any) -> InvalidInput | None:
    """The refusal, if there is one; anything else that is raised would be a page of error 500."""
    try:
        ask(*given)
    except InvalidInput as refusal:
        return refusal
    return None


def test_numbers_are_compared_as_they_are_written():
    schema = {"multipleOf": 0.1}
    assert value_faults(schema, 0.3) == []
    assert [one.code for one in value_faults(schema, 0.35)] == ["multipleOf"]
    assert [one.code for one in value_faults(schema, float("nan"))] == ["multipleOf"]
    unique = {"uniqueItems": True}
    assert value_faults(unique, [1, True, "1", [1], {"a": 1}, {"a": 2}]) == []
    assert [one.code for one in value_faults(unique, [{"a": 1, "b": [1]}, {"b": [1.0], "a": 1.0}])] == ["uniqueItems"]


def test_a_pattern_beside_false_lists_what_it_matches():
    schema = {"properties": {"a": {}}, "patternProperties": {"^x": {}}, "additionalProperties": False}
    assert [fault.path for fault in value_faults(schema, {"x1": 1, "y": 1})] == ["y"]
    assert schema_faults(schema) == []
