"""The functions an expression may call: CEL's standard library, its string and math extensions, optionals."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from controlplane.domain.expressions import moments, operators
from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.patterns import matches
from controlplane.domain.expressions.values import (
    ABSENT,
    EvaluationFrame,
    Optional,
    as_text,
    is_number,
    name_of,
    quoted,
)

Function = Callable[..., Any]

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?(inf|Infinity)|nan|NaN")


def _size(frame: EvaluationFrame, value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise WrongType(f"size() needs a string, a list or an object, not {name_of(value)}.")


def _int(frame: EvaluationFrame, value: Any) -> int:
    try:
        if isinstance(value, datetime):
            return int(value.timestamp())
        if isinstance(value, int | float) or (isinstance(value, str) and _WHOLE.fullmatch(value)):
            return int(operators.add(frame, int(value), 0))
    except (ValueError, OverflowError):
        pass
    raise WrongType(f"int() cannot read {quoted(value)}.")


def _double(frame: EvaluationFrame, value: Any) -> float:
    try:
        if is_number(value) or (isinstance(value, str) and _DECIMAL.fullmatch(value)):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise WrongType(f"double() cannot read {quoted(value)}.")


def _bool(frame: EvaluationFrame, value: Any) -> bool:
    known = {"true": True, "True": True, "TRUE": True, "t": True, "1": True}
    known |= {"false": False, "False": False, "FALSE": False, "f": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in known:
        return known[value]
    raise WrongType(f"bool() cannot read {quoted(value)}.")


def _string(frame: EvaluationFrame, value: Any) -> str:
    return as_text(value)


def _text_test(name: str, test: Callable[[str, str], Any]) -> Function:
    def tested(frame: EvaluationFrame, text: Any, other: Any) -> Any:
        _need_text(name, text, other)
        frame.spend(len(text) >> 8)
        return test(text, other)

    return tested


def _text_change(name: str, change: Callable[[str], str]) -> Function:
    def changed(frame: EvaluationFrame, text: Any) -> str:
        _need_text(name, text)
        frame.allot(len(text))
        return change(text)

    return changed


def _find(name: str, search: Callable[..., int]) -> Function:
    def found(frame: EvaluationFrame, text: Any, part: Any, at: Any = None) -> int:
        _need_text(name, text, part)
        frame.spend(len(text) >> 8)
        if at is None:
            return search(text, part, 0, len(text))
        _need_place(name, at, text)
        if name == "indexOf":
            return search(text, part, at, len(text))
        return search(text, part, 0, min(len(text), at + len(part)))

    return found


def _char_at(frame: EvaluationFrame, text: Any, at: Any) -> str:
    _need_text("charAt", text)
    _need_place("charAt", at, text)
    return str(text[at : at + 1])


def _substring(frame: EvaluationFrame, text: Any, start: Any, end: Any = None) -> str:
    _need_text("substring", text)
    end = len(text) if end is None else end
    _need_place("substring", start, text)
    _need_place("substring", end, text)
    if start > end:
        raise WrongType(f"substring() starts at {start}, after its end {end}.")
    frame.allot(end - start)
    return str(text[start:end])


def _replace(frame: EvaluationFrame, text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    _need_text("replace", text, old, new)
    count = text.count(old) if limit < 0 else min(limit, text.count(old))
    frame.spend(len(text) >> 6)
    frame.allot(len(text) + count * max(0, len(new) - len(old)))
    return str(text.replace(old, new, limit))


def _split(frame: EvaluationFrame, text: Any, separator: Any, limit: Any = -1) -> list[str]:
    _need_text("split", text, separator)
    frame.allot(len(text))
    frame.spend(len(text) >> 4)
    if limit == 0:
        return []
    if not separator:
        return (list(text) or [""]) if limit < 0 or limit >= len(text) else [*text[: limit - 1], text[limit - 1 :]]
    return list(text.split(separator, -1 if limit < 0 else limit - 1))


def _join(frame: EvaluationFrame, items: Any, separator: Any = "") -> str:
    if not isinstance(items, list):
        raise WrongType(f"join() needs a list of strings, not {name_of(items)}.")
    _need_text("join", separator, *items)
    frame.spend(len(items))
    frame.allot(sum(map(len, items)) + len(separator) * len(items))
    return str(separator.join(items))


def _extreme(name: str, pick: Callable[..., Any]) -> Function:
    def picked(frame: EvaluationFrame, *values: Any) -> Any:
        numbers = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
        frame.spend(len(numbers))
        for number in numbers:
            _need_number(name, number)
        if not numbers:
            raise WrongType(f"{name}() needs at least one number.")
        return pick(numbers)

    return picked


def _of_number(name: str, calculate: Callable[[Any], Any]) -> Function:
    def calculated(frame: EvaluationFrame, number: Any) -> Any:
        _need_number(name, number)
        return calculate(number)

    return calculated


def _rounded(number: float) -> float:
    """Half away from zero, as CEL's math.round."""
    return math.copysign(math.floor(abs(number) + 0.5), number)


def _or_value(frame: EvaluationFrame, maybe: Any, other: Any) -> Any:
    return _need_optional("orValue", maybe).value if maybe.present else other


def _or(frame: EvaluationFrame, maybe: Any, other: Any) -> Any:
    return maybe if _need_optional("or", maybe).present else _need_optional("or", other)


def _value(frame: EvaluationFrame, maybe: Any) -> Any:
    if not _need_optional("value", maybe).present:
        raise WrongType("value() was asked of a value that is absent; orValue(…) gives a default.")
    return maybe.value


def _need_optional(name: str, value: Any) -> Optional:
    if isinstance(value, Optional):
        return value
    raise WrongType(f"{name}() needs an optional value such as params.?name, not {name_of(value)}.")


def _need_text(name: str, *values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise WrongType(f"{name}() needs a string, not {name_of(value)}.")


def _need_number(name: str, value: Any) -> None:
    if not is_number(value):
        raise WrongType(f"{name}() needs a number, not {name_of(value)}.")


def _need_place(name: str, at: Any, text: str) -> None:
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= len(text):
        raise WrongType(f"{name}() needs a place from 0 to {len(text)}, not {quoted(at)}.")


def _lower(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


def _upper(text: str) -> str:
    return "".join(one.upper() if one.isascii() else one for one in text)


FUNCTIONS: dict[str, Function] = {
    "_+_": operators.add,
    "_-_": operators.subtract,
    "_*_": operators.multiply,
    "_/_": operators.divide,
    "_%_": operators.remainder,
    "-_": operators.negate,
    "!_": operators.invert,
    "_==_": operators.same,
    "_!=_": operators.different,
    "_<_": operators.order("<", operator.lt),
    "_<=_": operators.order("<=", operator.le),
    "_>_": operators.order(">", operator.gt),
    "_>=_": operators.order(">=", operator.ge),
    "@in": operators.within,
    "_[_]": operators.index,
    "_?._": operators.optional_index,
    "_[?_]": operators.optional_index,
    "size": _size,
    "int": _int,
    "double": _double,
    "bool": _bool,
    "string": _string,
    "dyn": lambda frame, value: value,
    **moments.FUNCTIONS,
    "contains": _text_test("contains", lambda text, part: part in text),
    "startsWith": _text_test("startsWith", str.startswith),
    "endsWith": _text_test("endsWith", str.endswith),
    "matches": _text_test("matches", matches),
    "lowerAscii": _text_change("lowerAscii", _lower),
    "upperAscii": _text_change("upperAscii", _upper),
    "trim": _text_change("trim", str.strip),
    "reverse": _text_change("reverse", lambda text: text[::-1]),
    "indexOf": _find("indexOf", str.find),
    "lastIndexOf": _find("lastIndexOf", str.rfind),
    "charAt": _char_at,
    "substring": _substring,
    "replace": _replace,
    "split": _split,
    "join": _join,
    "math.@max": _extreme("math.greatest", max),
    "math.@min": _extreme("math.least", min),
    "math.abs": _of_number("math.abs", abs),
    "math.ceil": _of_number("math.ceil", lambda number: float(math.ceil(number))),
    "math.floor": _of_number("math.floor", lambda number: float(math.floor(number))),
    "math.round": _of_number("math.round", _rounded),
    "math.trunc": _of_number("math.trunc", lambda number: float(math.trunc(number))),
    "math.sqrt": _of_number("math.sqrt", lambda number: math.sqrt(number) if number >= 0 else math.nan),
    "optional.of": lambda frame, value: Optional(True, value),
    "optional.none": lambda frame: ABSENT,
    "orValue": _or_value,
    "or": _or,
    "hasValue": lambda frame, maybe: _need_optional("hasValue", maybe).present,
    "value": _value,
}
