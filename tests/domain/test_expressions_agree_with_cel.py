"""Our evaluation against Google's own, on expressions and data that hypothesis makes up."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_math, ext_optional, ext_strings
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.domain.expressions import ExpressionError, evaluate

ENVIRONMENT = cel.NewEnv(
    variables={"params": cel.Type.DYN},
    extensions=[ext_strings.ExtStrings(), ext_math.ExtMath(), ext_bindings.ExtBindings(), ext_optional.ExtOptional()],
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4)
SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | TEXT
# One key at most: CEL goes through the keys of a map in no order, we in theirs.
VALUES = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from("abc"), part, max_size=1)
)
PARAMS = st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": SCALARS, "n": st.integers(-20, 20), "s": TEXT})

LEAVES = st.sampled_from(
    [
        "params.a",
        "params.b",
        "params.c",
        "params.n",
        "params.s",
        "params.gone",
        "params.a.b",
        "params.?a.orValue(0)",
        "true",
        "false",
        "null",
        "1",
        "-3",
        "0",
        "2.5",
        "'a'",
        "''",
        "'ab'",
        "[1, 2, 3]",
        "[]",
        "{'a': 1}",
    ]
)


def _grown(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"])
    macros = st.sampled_from(["map", "filter", "all", "exists", "exists_one"])
    texts = st.sampled_from(["startsWith", "endsWith", "contains", "indexOf", "lastIndexOf", "split"])
    return st.one_of(
        st.builds("(dyn({}) {} dyn({}))".format, part, signs, part),
        st.builds("(!dyn({}))".format, part),
        st.builds("(-dyn({}))".format, part),
        st.builds("(dyn({}) ? dyn({}) : dyn({}))".format, part, part, part),
        st.builds("dyn({})[dyn({})]".format, part, part),
        st.builds("dyn({}).{}(v, dyn({}))".format, part, macros, part.map(lambda one: one.replace("params.n", "v"))),
        st.builds("dyn({}).{}(dyn({}))".format, part, texts, part),
        st.builds("dyn({}).substring(params.n)".format, part),
        st.builds("size(dyn({}))".format, part),
        st.builds("int(dyn({}))".format, part),
        st.builds("[dyn({}), dyn({})]".format, part, part),
        st.builds("cel.bind(w, dyn({}), [w, dyn({})])".format, part, part),
        st.builds("has(params.{}.a)".format, st.sampled_from(["a", "b"])),
    )


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=6)


# Deliberately friendlier than CEL: an integer and a decimal number may be added, divided and so on.
MIXED_NUMBERS = re.compile(r"No matching overloads found : _._\((int64, double|double, int64)\)")


class Outcome(NamedTuple):
    """`kind` is value, error or uncompiled."""

    kind: str
    value: object


def _google(source: str, params: dict[str, object]) -> Outcome:
    try:
        found = ENVIRONMENT.compile(source).eval(data={"params": params})
    except RuntimeError as error:
        return Outcome("uncompiled", str(error))
    if found.type() == cel.Type.ERROR:
        return Outcome("error", str(found.value()))
    value = found.plain_value()
    return Outcome("value" if not isinstance(value, float) or math.isfinite(value) else "error", value)


def _ours(source: str, params: dict[str, object]) -> Outcome:
    try:
        return Outcome("value", evaluate(source, {"params": params}))
    except ExpressionError as error:
        return Outcome("error", error.message)


def _same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@settings(max_examples=600, deadline=None)
@given(EXPRESSIONS, PARAMS)
def test_we_give_and_refuse_what_cel_does(source, params):
    wanted, found = _google(source, params), _ours(source, params)
    if wanted.kind == "value":
        assert found.kind == "value", found
        assert _same(wanted.value, found.value)
    elif wanted.kind == "error" and not MIXED_NUMBERS.search(str(wanted.value)):
        assert found.kind == "error", found


@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
@given(st.integers(-(2**40), 2**40), st.floats(1, 1e6))
def test_mixed_numbers_give_a_decimal_number_where_cel_refuses(sign, whole, decimal):
    source, params = f"params.a {sign} params.b", {"a": whole, "b": decimal}
    assert MIXED_NUMBERS.search(str(_google(source, params).value))
    assert _ours(source, params) == _ours(source, {"a": float(whole), "b": decimal})
