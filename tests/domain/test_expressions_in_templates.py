"""Templates: `${{ }}` in JSON values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.expressions import ExpressionError, has_template, names_in, render, slots_in

CONTEXT = {"params": {"days": 30, "name": "Ada", "tags": ["a", "b"], "none": None}, "steps": {}, "run": {}}

RENDERS = [
    ("${{ params.days }}", 30),
    (" ${{ params.days }}", " 30"),
    ("${{params.tags}}", ["a", "b"]),
    ("${{ params.none }}", None),
    ("Hi ${{ params.name }}", "Hi Ada"),
    ("${{ params.name }} has ${{ params.tags }} and ${{ params.none }}", 'Ada has ["a","b"] and null'),
    ("$${{ params.days }}", "${{ params.days }}"),
    ("$${{ a }} ${{ params.days }}", "${{ a }} 30"),
    ("${{ {'a': {'b': params.days}} }}", {"a": {"b": 30}}),
    ("${{ '}}' + params.name }}", "}}Ada"),
    ('${{ "\\"}}" }}!', '"}}!'),
    ("${{ r'\\d}}' + params.name }}", "\\d}}Ada"),
    ("${{ '''it's }} ''' }}", "it's }} "),
    ("no template, { braces }} and $ and {{", "no template, { braces }} and $ and {{"),
    ({"k": ["${{ params.days }}", {"n": "x${{ params.days }}"}], "v": 1.5}, {"k": [30, {"n": "x30"}], "v": 1.5}),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
)


@pytest.mark.parametrize(("template", "value"), RENDERS)
def test_it_renders(template, value):
    found = render(template, CONTEXT)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("template", ["${{ params.days", "text ${{ '}}", "${{ {'a': 1 }}"])
def test_it_refuses_a_slot_that_is_never_closed(template):
    with pytest.raises(ExpressionError, match="never closed"):
        render(template, CONTEXT)


def test_an_error_names_the_field_in_the_template():
    with pytest.raises(ExpressionError, match=r"params\.gone does not exist") as refused:
        render({"to": [{"a": 1}, {"b": "x ${{ params.gone }}"}]}, CONTEXT)
    assert refused.value.context["field"] == "to[1].b"


def test_names_outside_the_context_are_refused():
    with pytest.raises(ExpressionError, match=r"item\.owner is not known here"):
        render("${{ item.owner }}", CONTEXT)


@given(JSON)
def test_any_value_survives_alone_in_its_slot(value):
    assert render({"v": "${{ params.v }}"}, {"params": {"v": value}}) == {"v": value}


@given(JSON)
def test_any_value_but_text_is_compact_json_inside_text(value):
    text = render("<${{ params.v }}>", {"params": {"v": value}})
    assert text[0] + text[-1] == "<>"
    assert text[1:-1] == value if isinstance(value, str) else json.loads(text[1:-1]) == value


@given(JSON)
def test_what_holds_no_slot_is_left_as_it_is(value):
    if "${{" not in json.dumps(value):
        assert render(value, CONTEXT) == value


@given(st.text())
def test_escaped_text_comes_back(text):
    assert render(text.replace("${{", "$${{"), CONTEXT) == text or "$${{" in text


def test_names_in_gathers_all_slots():
    used = names_in({"a": "${{ steps.x.output }} ${{ params.n }}", "b": ["${{ steps.y.status }}"], "c": "$${{ z }}"})
    assert used.steps == {"x", "y"}
    assert used.roots == {"steps", "params"}


def test_slots_are_found_with_their_paths():
    found = [(path, slot.source) for path, slot in slots_in({"a": ["x", "${{ params.n }}"], "b": {"c": "${{ 1 }}"}})]
    assert found == [("a[1]", "params.n"), ("b.c", "1")]


def test_only_a_real_slot_makes_a_template():
    assert has_template({"a": [{"b": "${{ 1 }}"}]})
    assert not has_template({"a": ["$${{ 1 }}", "text", 3]})
