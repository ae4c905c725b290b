"""Reading specifications from JSON and YAML."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.errors import InvalidInput
from workflows.specification.language import format_of, parse
from workflows.specification.reading import scalar

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(TEXT, part, max_size=3),
)
# Text that YAML 1.1 (which writes) and YAML 1.2 (which we read) both take for text, such as not 1e3.
PLAIN = TEXT.filter(lambda text: scalar(text) == text and text != "<<")
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=4)

REFUSED = [
    ("", "empty", None),
    ("  \n ", "empty", None),
    ("[1]", "object with steps", 1),
    ("- 1", "object with steps", 1),
    ("text", "object with steps", 1),
    ('{"a": 1,, }', "Line 1, column 9: Expecting property name", 1),
    ('{"a": 1', "Line 1, column 8", 1),
    ('{"a":\n  1,\n "a": 2}', "Line 3, column 2: The key 'a' appears twice", 3),
    ('{"a": NaN}', "NaN is not JSON", None),
    ('{"a": ' + "9" * 5000 + "}", "too many digits", None),
    ("[" * 100_000, "nested more than 40", None),
    ("a: " + "[" * 60 + "]" * 60, "nested more than 40", 1),
    ("a: 1\nb: 2\na: 3", "Line 3, column 1: The key 'a' appears twice", 3),
    ("a: [1\nb: 2", "Line 2, column 2: Did not find expected", 2),
    ("a:\n\t- b", "Line 2", 2),
    ("a: &x 1\nb: *x", "Line 1, column 4: Anchors and aliases", 1),
    ("a: 1\nb: *x", "Line 2, column 4: Anchors and aliases", 2),
    ("a: !!python/object/apply:os.system [ls]", "Tags such as", 1),
    ("<<: {a: 1}", "Merge keys", 1),
    ("? [a]\n: 1", "A key must be text", 1),
    ("a: 1\n---\nb: 2", "Only one document", 3),
    ("a: \x00", "This is not YAML", None),
    ("a: " + "x" * 1_100_000, "larger than 1 MiB", None),
]


@pytest.mark.parametrize(("text", "message", "line"), REFUSED)
def test_it_refuses_naming_line_and_column(text, message, line):
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert message in refused.value.detail
    assert refused.value.errors[0].line == line


def test_a_billion_laughs_are_refused():
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    with pytest.raises(InvalidInput, match="Anchors and aliases"):
        parse(bomb)


@given(DOCUMENTS)
def test_json_comes_back(document):
    assert parse(json.dumps(document)) == document


@given(st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN), max_size=5))
def test_yaml_comes_back(document):
    assert parse(yaml.safe_dump(document, allow_unicode=True) if document else "{}") == document


def test_json_and_yaml_mean_the_same():
    text = '{"steps": [{"key": "a", "with": {"n": 1, "x": 1.5, "t": "yes", "z": null, "b": true}}]}'
    flow = "steps:\n- key: a\n  with: {n: 1, x: 1.5, t: yes, z: ~, b: true}\n"
    assert parse(text) == parse(flow)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("012", "012"),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".nan", ".nan"),
        ("-5", -5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("True", True),
    ],
)
def test_unquoted_words_mean_what_yaml_1_2_says(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_every_value_has_its_line():
    text = 'steps:\n  - key: a\n    with:\n      sql: |\n        select 1\n  - key: "b"\n    needs: [a,\n      c]\n'
    lines = parse(text).lines
    expected = {"steps": 1, "steps[0].key": 2, "steps[0].with": 3, "steps[0].with.sql": 4, "steps[1]": 6}
    assert {path: lines[path] for path in expected} == expected
    assert (lines["steps[1].needs[0]"], lines["steps[1].needs[1]"]) == (7, 8)


def test_json_keeps_its_lines_too():
    lines = parse('{\n "steps": [\n  {"key": "a",\n\t"uses": "noop"}\n ]\n}').lines
    assert (lines["steps"], lines["steps[0]"], lines["steps[0].uses"]) == (2, 3, 4)


def test_braces_without_quotes_are_yaml():
    assert parse("{steps: [{key: a, uses: noop}]}") == {"steps": [{"key": "a", "uses": "noop"}]}


def test_the_format_is_told_by_the_first_character():
    assert (format_of(' \n{"a": 1}'), format_of("a: 1")) == ("json", "yaml")


def test_a_byte_order_mark_is_no_obstacle():
    assert parse('\ufeff{"a": 1}') == {"a": 1}


def test_a_long_key_is_not_kept_with_every_value_below_it():
    key, values = "k" * 100_000, ", ".join(f"a{number}: 1" for number in range(1_000))
    document = parse(f"steps:\n  ? {key}\n  : {{{values}}}\n")
    assert len(document["steps"][key]) == 1_000
    assert document.lines == {"": 1, "steps": 1}


def test_values_have_the_line_of_their_key():
    assert parse("a:\n  - b: 1\n    c:\n      2\n").lines == {"": 1, "a": 1, "a[0]": 2, "a[0].b": 2, "a[0].c": 3}
