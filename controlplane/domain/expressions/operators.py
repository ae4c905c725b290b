"""Arithmetic, order and access: numbers mix freely, integers stay integers and never overflow silently."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.values import (
    ABSENT,
    INT_RANGE,
    EvaluationFrame,
    Optional,
    comparable,
    equal,
    is_number,
    name_of,
)


def add(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    """Numbers, texts, lists, or times with durations. Raises WrongType for anything else."""
    if is_number(left) and is_number(right):
        return _within(left + right)
    if isinstance(left, str) and isinstance(right, str):
        frame.allot(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        frame.allot(len(left) + len(right))
        frame.spend((len(left) + len(right)) >> 4)
        return left + right
    if isinstance(left, datetime | timedelta) and isinstance(right, datetime | timedelta):
        return _in_time(operator.add, "+", left, right)
    raise _cannot("+", left, right)


def subtract(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    """Numbers, or times with durations. Raises WrongType."""
    if is_number(left) and is_number(right):
        return _within(left - right)
    if isinstance(left, datetime | timedelta) and isinstance(right, datetime | timedelta):
        return _in_time(operator.sub, "-", left, right)
    raise _cannot("-", left, right)


def multiply(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _within(left * right)
    raise _cannot("*", left, right)


def divide(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    """Two integers give an integer, cut towards zero; any decimal number gives a decimal number."""
    if not (is_number(left) and is_number(right)):
        raise _cannot("/", left, right)
    if right == 0:
        raise WrongType("Division by zero.")
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    quotient = abs(left) // abs(right)
    return _within(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    """Of integers, with the sign of the left one, as CEL has it. Raises WrongType, also for zero."""
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in (left, right)):
        raise _cannot("%", left, right)
    if right == 0:
        raise WrongType("Division by zero.")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def negate(frame: EvaluationFrame, value: Any) -> Any:
    if is_number(value):
        return _within(-value)
    if isinstance(value, timedelta):
        return -value
    raise WrongType(f"- cannot be used on {name_of(value)}.")


def invert(frame: EvaluationFrame, value: Any) -> bool:
    if isinstance(value, bool):
        return not value
    raise WrongType(f"! needs true or false, not {name_of(value)}.")


def order(sign: str, compare: Callable[[Any, Any], bool]) -> Callable[[EvaluationFrame, Any, Any], bool]:
    """The operator `sign`; raises WrongType for values that have no order among them."""

    def ordered(frame: EvaluationFrame, left: Any, right: Any) -> bool:
        if not comparable(left, right):
            raise _cannot(sign, left, right)
        return compare(left, right)

    return ordered


def same(frame: EvaluationFrame, left: Any, right: Any) -> bool:
    return equal(left, right, frame)


def different(frame: EvaluationFrame, left: Any, right: Any) -> bool:
    return not equal(left, right, frame)


def within(frame: EvaluationFrame, needle: Any, hay: Any) -> bool:
    """Whether an object has the key, or a list the value. Raises WrongType for another right side."""
    if isinstance(hay, Mapping):
        return _key(needle) in hay if isinstance(needle, str | int | float) else False
    if isinstance(hay, list):
        return any(equal(needle, one, frame) for one in hay)
    raise WrongType(f"in needs a list or an object on its right, not {name_of(hay)}.")


def index(frame: EvaluationFrame, holder: Any, key: Any) -> Any:
    """Raises WrongType for what has no items, and for a key or place that is not there."""
    if isinstance(holder, Optional):
        return optional_index(frame, holder, key)
    if isinstance(holder, Mapping):
        return _entry(holder, _key(key))
    if not isinstance(holder, list):
        raise WrongType(f"[ ] cannot be used on {name_of(holder)}.")
    place = _place(key)
    if not 0 <= place < len(holder):
        raise WrongType(f"There is no item {place}: the list has {len(holder):,} (counted from 0).")
    return holder[place]


def optional_index(frame: EvaluationFrame, holder: Any, key: Any) -> Optional:
    """`holder.?key` and `holder[?key]`: absent instead of an error."""
    if isinstance(holder, Optional):
        return optional_index(frame, holder.value, key) if holder.present else ABSENT
    if isinstance(holder, Mapping):
        return Optional(True, holder[_key(key)]) if _key(key) in holder else ABSENT
    if isinstance(holder, list):
        place = _place(key)
        return Optional(True, holder[place]) if 0 <= place < len(holder) else ABSENT
    if holder is None:
        return ABSENT
    raise WrongType(f".? cannot be used on {name_of(holder)}.")


def _entry(holder: Mapping[Any, Any], key: Any) -> Any:
    try:
        return holder[key]
    except KeyError:
        raise WrongType(f"There is no key {key!r}{known_keys(holder)}.")


def known_keys(holder: Mapping[Any, Any]) -> str:
    """` (there are: a, b)`, or what to say of an empty object."""
    if not holder:
        return " (the object is empty)"
    names = [str(key) for key in list(holder)[:8]]
    more = ", …" if len(holder) > len(names) else ""
    return f" (there are: {', '.join(names)}{more})"


def _key(key: Any) -> Any:
    if isinstance(key, str | int):
        return key
    if isinstance(key, float) and key.is_integer():
        return int(key)
    raise WrongType(f"A key must be a string, not {name_of(key)}.")


def _place(key: Any) -> int:
    if is_number(key) and key == key // 1 and not math.isinf(key):
        return int(key)
    raise WrongType(f"The index of a list must be an integer, not {name_of(key)}.")


def _within(number: Any) -> Any:
    if isinstance(number, int) and number not in INT_RANGE:
        raise WrongType("The integer is too large (more than 64 bits).")
    return number


def _in_time(calculate: Callable[[Any, Any], Any], sign: str, left: Any, right: Any) -> Any:
    try:
        return calculate(left, right)
    except TypeError:
        raise _cannot(sign, left, right)
    except OverflowError:
        raise WrongType("The moment is out of range.")


def _cannot(sign: str, left: Any, right: Any) -> WrongType:
    return WrongType(f"{sign} cannot be used on {name_of(left)} and {name_of(right)}.")
