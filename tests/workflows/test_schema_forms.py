"""What a form shows and sends is what runs, and what the API would have run."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from controlplane.domain.errors import InvalidInput
from controlplane.domain.json_schema import depth_of, schema_faults
from controlplane.domain.schemas.validator import canonical
from controlplane.ui.schema_form import form_fields, has_fields, inputs_from_form, shown_again, without_field
from tests.html_forms import controls, sent
from tests.workflows.schemas import ANY, cases
from workflows.specification.parameters import check_inputs

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
MANY = settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
SOME = settings(MANY, max_examples=50)


def shown(pairs: list[tuple[Any, str]]) -> str:
    html = "".join(render_to_string("components/schema_field.html", {"input": one, "error": bad}) for one, bad in pairs)
    return f'<form><input type="hidden" name="here">{html}</form>'


def outcome(schema: dict[str, Any], inputs: Any) -> str:
    """The inputs that run, or that they are refused."""
    try:
        return canonical(check_inputs(schema, inputs))
    except InvalidInput:
        return "refused"


def through_the_form(schema: dict[str, Any], inputs: dict[str, Any], *, again: bool = False) -> dict[str, Any] | None:
    """What arrives when the form that shows `inputs` is sent untouched; None when a browser would not send it."""
    fields = form_fields(schema, inputs)
    found = controls(shown([(one, "") for one in fields]), "here")
    data = sent(found)
    if again:
        query = QueryDict(mutable=True)
        for name, values in data.items():
            query.setlist(name, values)
        found = controls(shown(shown_again(form_fields(schema), query, [])), "here")
        data = sent(found)
    return None if any(one.is_refused for one in found) else inputs_from_form(schema, data)


@settings(MANY, max_examples=120)
@given(cases(), st.booleans())
def test_a_form_that_nobody_touched_sends_what_it_shows(case, again):
    schema, inputs = case
    ran = outcome(schema, inputs)
    assume(ran != "refused")
    then = check_inputs(schema, inputs)
    arrived = through_the_form(schema, then, again=again)
    assert arrived is not None
    assert canonical(arrived) == canonical(then)
    assert outcome(schema, arrived) == ran


@MANY
@given(cases(), st.data())
def test_form_and_api_agree_on_what_is_refused_and_what_runs(case, data):
    schema, inputs = case
    for name in data.draw(st.lists(st.sampled_from(sorted(schema["properties"])), max_size=2)):
        inputs[name] = data.draw(ANY)
    for name in data.draw(st.lists(st.sampled_from("abcde"), max_size=1)):
        inputs.pop(name, None)
    assume(depth_of(inputs) < 20)
    assert has_fields(schema)
    assert without_field(schema, inputs) == []
    arrived = through_the_form(schema, inputs)
    assert (outcome(schema, arrived) if arrived is not None else "refused") == outcome(schema, inputs)


@SOME
@given(cases())
def test_filling_in_defaults_twice_is_filling_them_in_once(case):
    schema, inputs = case
    assert schema_faults(schema) == []
    ran = outcome(schema, inputs)
    assume(ran != "refused")
    assert outcome(schema, check_inputs(schema, inputs)) == ran


def closed_objects(schema: Any, value: Any, root: dict[str, Any]) -> list[dict[str, Any]]:
    """Objects within `value` that must hold nothing but what is listed, as the strategies write schemas."""
    if value is None or not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return closed_objects(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    for keyword in ("allOf", "anyOf", "oneOf"):
        if keyword in schema:
            form = next(one for one in schema[keyword] if one.get("type") != "null")
            return closed_objects(form, value, root)
    if isinstance(value, list):
        own = schema.get("prefixItems", [schema.get("items")])
        return [found for one in value for found in closed_objects(own[0], one, root)]
    if not isinstance(value, dict):
        return []
    rest = schema.get("additionalProperties") or schema.get("patternProperties", {}).get("^x")
    parts = [(schema.get("properties", {}).get(name, rest), part) for name, part in value.items()]
    own = [value] if "properties" in schema else []
    return own + [found for part, one in parts for found in closed_objects(part, one, root)]


@SOME
@given(cases(), st.data())
def test_what_is_not_listed_is_refused_at_every_level(case, data):
    schema, inputs = case
    assume(outcome(schema, inputs) != "refused")
    spoiled = deepcopy(inputs)
    held = data.draw(st.sampled_from(closed_objects(schema, spoiled, schema)))
    held["unlisted"] = 1
    with pytest.raises(InvalidInput) as refused:
        check_inputs(schema, spoiled)
    assert any(one.field.endswith("unlisted") and one.code == "unknown" for one in refused.value.errors)
