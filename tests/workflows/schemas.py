"""Schemas with values that fit them, as people and generators write them: `$ref`, “or null”, `allOf`, defaults."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.sampled_from(' \t\n\r\u2028\x0bab"<&’😀é{}[]1-:'), max_size=8)
NUMBERS = st.one_of(
    st.integers(-3, 3), st.integers(10**15, 10**30), st.floats(allow_nan=False, allow_infinity=False), st.just(1.0)
)
DAYS = st.dates().map(str)
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda part: st.one_of(st.lists(part, max_size=3), st.dictionaries(TEXTS, part, max_size=3)),
    max_leaves=4,
)
CHOICES = [1, "1", 1.5, None, True, "true", "", "json:1", " a\nb", "x"]


@st.composite
def leaves(draw: Any) -> tuple[dict[str, Any], Any]:
    """(schema, strategy of its values)."""
    choices = draw(st.lists(st.sampled_from(CHOICES), min_size=1, max_size=5, unique_by=repr))
    words = draw(st.lists(st.text("abc \n", max_size=3), min_size=1, max_size=4, unique=True))
    return draw(
        st.sampled_from(
            [
                ({"type": "string"}, TEXTS),
                ({"type": "string", "maxLength": 400}, TEXTS),
                ({"type": "string", "format": "date"}, DAYS),
                ({"type": "string", "format": "email"}, st.sampled_from(["a@b.cd", "jürgen@exämple.de"])),
                ({"type": "string", "format": "uri"}, st.sampled_from(["http://a/b", "urn:x"])),
                ({"type": "integer"}, st.integers(-3, 3) | st.integers(10**15, 10**30) | st.just(1.0)),
                ({"type": "number"}, NUMBERS),
                ({"type": "boolean"}, st.booleans()),
                ({"enum": choices}, st.sampled_from(choices)),
                ({"const": choices[0]}, st.just(choices[0])),
                ({"type": "array", "items": {"type": "string"}}, st.lists(TEXTS, max_size=3)),
                ({"type": "array", "items": {"enum": words}}, st.lists(st.sampled_from(words), max_size=3)),
                ({"type": "object"}, st.dictionaries(TEXTS, ANY, max_size=2)),
                ({"type": ["string", "integer"]}, TEXTS | st.integers()),
                ({}, ANY),
            ]
        )
    )


@st.composite
def objects(draw: Any, defs: dict[str, Any], depth: int) -> tuple[dict[str, Any], Any]:
    properties, values, optional = {}, {}, {}
    for name in draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True)):
        properties[name], one = draw(parts(defs, depth))
        (values if draw(st.booleans()) else optional)[name] = one
    schema = {"type": "object", "properties": properties, "required": sorted(values)}
    return schema, st.fixed_dictionaries(values, optional=optional)


@st.composite
def parts(draw: Any, defs: dict[str, Any], depth: int) -> tuple[dict[str, Any], Any]:
    """(schema, strategy of its values); what `$ref` leads to comes into `defs`."""
    schema, values = draw(leaves() if depth == 0 or draw(st.booleans()) else containers(defs, depth - 1))
    for _ in range(draw(st.integers(0, 2))):
        schema, values = draw(wrapped(schema, values, defs))
    if draw(st.booleans()):
        schema = {**schema, "default": draw(values)}
    return schema, values


@st.composite
def containers(draw: Any, defs: dict[str, Any], depth: int) -> tuple[dict[str, Any], Any]:
    schema, values = draw(objects(defs, depth))
    return draw(
        st.sampled_from(
            [
                (schema, values),
                ({"type": "array", "items": schema}, st.lists(values, max_size=2)),
                ({"type": "array", "prefixItems": [schema], "items": {"type": "null"}}, st.tuples(values).map(list)),
                (
                    {"type": "object", "additionalProperties": schema},
                    st.dictionaries(st.sampled_from("xy"), values, max_size=2),
                ),
                (
                    {"type": "object", "patternProperties": {"^x": schema}},
                    st.dictionaries(st.sampled_from(["x1", "x2"]), values, max_size=2),
                ),
            ]
        )
    )


@st.composite
def wrapped(draw: Any, schema: dict[str, Any], values: Any, defs: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    name = f"D{len(defs)}"
    defs[name] = schema
    reference = {"$ref": f"#/$defs/{name}"}
    optional = st.none() | values
    return draw(
        st.sampled_from(
            [
                (reference, values),
                ({"allOf": [reference]}, values),
                ({"anyOf": [reference, {"type": "null"}]}, optional),
                ({"oneOf": [{"not": reference, "type": "null"}, reference]}, optional),
                ({**reference, "title": "Said beside"}, values),
            ]
        )
    )


@st.composite
def cases(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(schema of an object, inputs that fit it)."""
    defs: dict[str, Any] = {}
    schema, values = draw(objects(defs, 2))
    return {**schema, "$defs": defs}, draw(values)
