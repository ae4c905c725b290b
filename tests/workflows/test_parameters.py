"""The inputs of a run against its parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.errors import InvalidInput
from controlplane.domain.json_schema import schema_faults
from controlplane.ui.schema_form import form_fields, inputs_from_form
from workflows.specification.parameters import check_inputs

SCHEMA = {
    "type": "object",
    "required": ["owner"],
    "properties": {
        "days": {"type": "integer", "enum": [7, 14, 30], "default": 30, "title": "Look back"},
        "owner": {"type": "string", "format": "email", "description": "Who gets the report."},
        "since": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": "string", "maxLength": 2000},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "ratio": {"type": "number"},
        "dry_run": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}},
        "levels": {"type": "array", "items": {"type": "string", "enum": ["low", "high"]}},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "options": {
            "type": "object",
            "properties": {"depth": {"type": "integer", "default": 2}, "names": {"type": "array"}},
        },
    },
}
SCHEMA_2020 = "https://json-schema.org/draft/2020-12/schema"
OWNER = {"owner": "ada@example.com"}

REFUSED = [
    ({}, "inputs.owner", "required", "This is required."),
    ({"dayz": 7}, "inputs.dayz", "unknown", "Did you mean days?"),
    ({"days": 8}, "inputs.days", "enum", "This must be one of 7, 14, 30."),
    ({"days": "7"}, "inputs.days", "type", "This must be an integer, not a string."),
    ({"limit": "7"}, "inputs.limit", "type", "This must be an integer, not a string."),
    ({"limit": True}, "inputs.limit", "type", "This must be an integer, not true."),
    ({"limit": 101}, "inputs.limit", "maximum", "This must be at most 100."),
    ({"owner": "nobody"}, "inputs.owner", "format", "This is not a valid email."),
    ({"since": "2026-02-30"}, "inputs.since", "format", "This is not a valid date."),
    ({"at": "2026-02-03T10:00:00"}, "inputs.at", "format", "This is not a valid date-time."),
    ({"tags": ["a", 1]}, "inputs.tags[1]", "type", "This must be a string, not an integer."),
    ({"options": {"depth": "x"}}, "inputs.options.depth", "type", "This must be an integer, not a string."),
    ({"options": {"other": 1}}, "inputs.options.other", "unknown", "There is no 'other' here."),
    ({"code": "abc"}, "inputs.code", "pattern", "This must match the pattern"),
    ({"note": "a\x00b"}, "inputs.note", "unstorable", "cannot be stored"),
    ({"note": "a\ud800b"}, "inputs.note", "unstorable", "cannot be stored"),
    ({"note": "x" * 1_100_000}, "inputs", "too_large", "larger than 1 MiB"),
    ({"ratio": float("nan")}, "inputs", "type", "JSON does not have"),
    ({"ratio": {1, 2}}, "inputs", "type", "JSON does not have"),
]


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("inputs", "field", "code", "message"), REFUSED)
def test_it_refuses_with_field_and_reason(inputs, field, code, message):
    with pytest.raises(InvalidInput) as refused:
        check_inputs(SCHEMA, inputs if field == "inputs.owner" else {**OWNER, **inputs})
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)
    assert message in refused.value.errors[0].message


@pytest.mark.parametrize("inputs", [[1], "text", 3, True])
def test_inputs_must_be_an_object(inputs):
    with pytest.raises(InvalidInput, match="must be an object"):
        check_inputs(SCHEMA, inputs)


def test_all_errors_come_at_once():
    with pytest.raises(InvalidInput) as refused:
        check_inputs(SCHEMA, {"days": 1, "limit": 0, "x": 1})
    assert {error.field for error in refused.value.errors} == {
        "inputs.owner",
        "inputs.days",
        "inputs.limit",
        "inputs.x",
    }


def test_defaults_are_filled_in_at_every_depth():
    assert check_inputs(SCHEMA, OWNER) == {**OWNER, "days": 30, "dry_run": False, "options": {"depth": 2}}
    found = check_inputs(SCHEMA, {**OWNER, "options": {"names": [1]}})
    assert found["options"] == {"depth": 2, "names": [1]}


def test_defaults_do_not_share_the_schema():
    schema = {"properties": {"a": {"type": "array", "default": []}}}
    check_inputs(schema, {})["a"].append(1)
    assert check_inputs(schema, {}) == {"a": []}


def test_filling_in_leaves_the_given_inputs_alone():
    inputs = {**OWNER, "options": {}}
    check_inputs(SCHEMA, inputs)
    assert inputs == {**OWNER, "options": {}}


def test_unknown_inputs_pass_where_the_schema_says_so():
    schema = {"properties": {"a": {"type": "integer"}}, "additionalProperties": True}
    assert check_inputs(schema, {"b": 1}) == {"b": 1}


def test_a_workflow_without_parameters_takes_no_inputs():
    assert check_inputs({}, {}) == {}
    assert check_inputs({}, None) == {}
    with pytest.raises(InvalidInput, match="takes no inputs"):
        check_inputs({}, {"a": 1})


def test_deep_inputs_are_refused():
    with pytest.raises(InvalidInput, match="nested more than 32"):
        check_inputs({"properties": {"a": {}}}, {"a": _nested(5000)})


def test_local_references_are_followed_for_values_and_defaults():
    schema = {
        "$defs": {"span": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}},
        "properties": {"span": {"$ref": "#/$defs/span"}},
    }
    assert schema_faults(schema) == []
    assert check_inputs(schema, {"span": {}}) == {"span": {"n": 1}}
    with pytest.raises(InvalidInput) as refused:
        check_inputs(schema, {"span": {"n": "x"}})
    assert refused.value.errors[0].field == "inputs.span.n"


def test_a_slow_pattern_does_not_slow_us():
    schema = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    with pytest.raises(InvalidInput, match="pattern"):
        check_inputs(schema, {"a": "a" * 50_000 + "b"})
    named = {"properties": {"a": {**schema["properties"]["a"], "$schema": SCHEMA_2020}}}
    with pytest.raises(InvalidInput, match="pattern"):
        check_inputs(named, {"a": "a" * 50_000 + "b"})


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {"$ref": "http://example.com/s.json"}}}, "properties.a.$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "properties.a.$ref"),
        ({"$id": "http://example.com"}, "$id"),
        ({"properties": {"a": {"type": "int"}}}, "properties.a.type"),
        ({"properties": {"a": {"type": "string", "pattern": "("}}}, "properties.a.pattern"),
        ({"properties": {"a": 3}}, "properties.a"),
        ([], ""),
    ],
)
def test_a_bad_schema_is_named_at_its_path(schema, path):
    assert [fault.path for fault in schema_faults(schema)][:1] == [path]


def test_a_property_may_be_called_like_a_keyword():
    assert schema_faults({"properties": {"$id": {"type": "string"}, "pattern": {"type": "string"}}}) == []


def test_a_schema_that_refers_to_itself_is_refused_not_followed_forever():
    with pytest.raises(InvalidInput):
        check_inputs({"properties": {"a": {"$ref": "#/properties/a"}}}, {"a": 1})


def test_every_kind_of_property_has_its_widget():
    kinds = {field.key: field.kind for field in form_fields(SCHEMA)}
    assert kinds == {
        "days": "select",
        "owner": "email",
        "since": "date",
        "at": "datetime",
        "note": "multiline",
        "limit": "integer",
        "ratio": "number",
        "dry_run": "boolean",
        "tags": "list",
        "levels": "multiselect",
        "code": "text",
        "options": "json",
    }


def test_a_field_tells_all_a_form_needs():
    fields = {field.key: field for field in form_fields(SCHEMA, {"limit": 5, "tags": ["a", "b"]})}
    assert fields["days"].label == "Look back"
    assert fields["days"].choices == (("7", "7"), ("14", "14"), ("30", "30"))
    assert fields["days"].value == "30"
    assert fields["owner"].name == "inputs.owner"
    assert fields["owner"].required
    assert fields["owner"].help == "Who gets the report."
    assert fields["limit"].value == "5"
    assert fields["limit"].attributes == {"min": "1", "max": "100", "step": "1"}
    assert fields["tags"].values == ["a", "b"]


def test_what_was_typed_becomes_typed_inputs():
    typed = {
        "inputs.days": "14",
        "inputs.owner": ["ada@example.com"],
        "inputs.limit": "12",
        "inputs.ratio": "0.5",
        "inputs.dry_run": "on",
        "inputs.tags": "a\r\n b \n\n",
        "inputs.levels": ["low", "high"],
        "inputs.note": "one\r\ntwo",
        "inputs.options": '{"depth": 4}',
        "inputs.since": "",
        "csrf": "ignored",
    }
    found = inputs_from_form(SCHEMA, typed)
    assert found == {
        "days": 14,
        "owner": "ada@example.com",
        "limit": 12,
        "ratio": 0.5,
        "dry_run": True,
        "tags": ["a", " b "],
        "levels": ["low", "high"],
        "note": "one\ntwo",
        "options": {"depth": 4},
    }
    assert check_inputs(SCHEMA, found) == found


def test_an_empty_form_means_the_defaults():
    found = inputs_from_form(SCHEMA, {})
    assert found == {}
    assert check_inputs(SCHEMA, {**found, **OWNER})["days"] == 30


def test_a_box_that_is_not_ticked_is_false():
    box = next(field for field in form_fields(SCHEMA) if field.key == "dry_run")
    assert (box.kind, box.state) == ("boolean", "box")
    assert inputs_from_form(SCHEMA, {box.state_name: "box"}) == {"dry_run": False}


def test_text_that_is_no_number_is_left_for_the_schema_to_refuse():
    with pytest.raises(InvalidInput, match=r"inputs\.limit: This must be an integer"):
        check_inputs(SCHEMA, {**OWNER, **inputs_from_form(SCHEMA, {"inputs.limit": "many"})})


def test_broken_json_in_the_form_is_named():
    with pytest.raises(InvalidInput) as refused:
        inputs_from_form(SCHEMA, {"inputs.options": "{oops"})
    assert refused.value.errors[0].field == "inputs.options"
    assert "line 1, column 2" in refused.value.errors[0].message


@given(
    st.fixed_dictionaries(
        {
            "days": st.sampled_from([7, 14, 30]),
            "limit": st.integers(1, 100),
            "ratio": st.floats(allow_nan=False, allow_infinity=False),
            "dry_run": st.booleans(),
            "options": st.fixed_dictionaries({"depth": st.integers()}),
        }
    )
)
def test_a_form_shown_and_sent_back_gives_the_same_inputs(inputs):
    shown = {field.name: field.value for field in form_fields(SCHEMA, inputs)}
    found = inputs_from_form(SCHEMA, shown)
    assert found == inputs


TREE = {
    "properties": {"root": {"$ref": "#/$defs/node"}},
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "weight": {"type": "integer", "default": 1},
                "left": {"$ref": "#/$defs/node"},
                "right": {"$ref": "#/$defs/node"},
            },
        }
    },
}


def test_a_schema_that_refers_to_itself_gives_its_defaults_once():
    assert check_inputs(TREE, {}) == {"root": {"weight": 1}}
    filled = {"weight": 1, "left": {"weight": 2}, "right": {"weight": 1}}
    assert check_inputs(TREE, {"root": {"left": {"weight": 2}, "right": {}}}) == {"root": filled}


def test_defaults_that_double_with_every_level_are_refused():
    levels = {f"l{n}": {"properties": {side: {"$ref": f"#/$defs/l{n + 1}"} for side in "ab"}} for n in range(29)}
    schema = {"properties": {"x": {"$ref": "#/$defs/l0"}}, "$defs": levels | {"l29": {"default": 1}}}
    with pytest.raises(InvalidInput, match="more defaults"):
        check_inputs(schema, {})


def nested(levels: int) -> dict:
    made: dict = {"type": "object"}
    for _ in range(levels):
        made = {"allOf": [made], "unevaluatedProperties": False, "properties": {"a": True}}
    return made


DOUBLED = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(24)}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/l0", "$defs": DOUBLED | {"l24": {"type": "object"}}},
        {"$ref": "#/$defs/l0", "$defs": DOUBLED | {"l24": {"type": "string"}}},
        nested(15),
    ],
)
def test_checks_that_multiply_with_every_level_are_refused(schema):
    assert schema_faults(schema) == []
    with pytest.raises(InvalidInput, match="asks for more checks"):
        check_inputs(schema, {"a": 1})


def test_a_long_list_has_as_many_checks_as_it_needs():
    part = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}
    rows = [{"a": number, "b": "x"} for number in range(10_000)]
    assert check_inputs({"properties": {"rows": {"type": "array", "items": part}}}, {"rows": rows}) == {"rows": rows}
