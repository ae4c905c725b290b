"""What values do: JSON values plus moments, spans of time and optionals, with CEL's rules and our limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.domain.expressions.errors import LimitReached, WrongType

INT_RANGE = range(-(2**63), 2**63)
# About half a second of pure Python, and memory a worker can spare for each of its threads.
WORK_LIMIT = 1_000_000
SIZE_LIMIT = 16 * 1024 * 1024


class EvaluationFrame:
    """One evaluation: the names in scope and what is left of the budget."""

    __slots__ = ("room", "scope", "work")

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.work = WORK_LIMIT
        self.room = SIZE_LIMIT

    def spend(self, work: int) -> None:
        self.work -= work
        if self.work < 0:
            raise LimitReached(
                f"The expression does too much work (more than {WORK_LIMIT:,} operations). "
                "Loop over less data or move the work into a tool."
            )

    def allot(self, size: int) -> None:
        """Account for `size` characters or items that are about to be made."""
        self.room -= size
        if self.room < 0:
            raise LimitReached(f"The expression makes too much data (more than {SIZE_LIMIT:,} characters).")


@dataclass(frozen=True, slots=True)
class Optional:
    """`.?field`: a value that may be absent."""

    present: bool
    value: Any = None


ABSENT = Optional(False)


def name_of(value: Any) -> str:
    """The type in a user's words, with its article: `a string`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    for kinds, name in _NAMES:
        if isinstance(value, kinds):
            return name
    return f"a {type(value).__name__}"


_NAMES: tuple[tuple[Any, str], ...] = (
    (int, "an integer"),
    (float, "a number"),
    (str, "a string"),
    (list | tuple, "a list"),
    (dict, "an object"),
    (datetime, "a timestamp"),
    (timedelta, "a duration"),
    (Optional, "an optional value"),
)


def quoted(value: Any) -> str:
    """A value in a message: short text as it is, anything else by its type."""
    return repr(value[:60]) if isinstance(value, str) else name_of(value)


def is_number(value: Any) -> bool:
    """True and false are none, although Python counts them as integers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: Any, right: Any, frame: EvaluationFrame) -> bool:
    """Deep equality: 1 == 1.0, but true is not 1. Every element compared costs one operation."""
    frame.spend(1)
    if isinstance(left, str):
        frame.spend(len(left) >> 10)
        return isinstance(right, str) and left == right
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b, frame) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(
            key in right and equal(value, right[key], frame) for key, value in left.items()
        )
    if isinstance(left, Optional) and isinstance(right, Optional):
        return left.present == right.present and equal(left.value, right.value, frame)
    return bool(left == right)


def comparable(left: Any, right: Any) -> bool:
    """Whether `<` means anything between them: both numbers, or both of one kind that has an order."""
    if is_number(left) and is_number(right):
        return True
    kinds = (str, bool, datetime, timedelta)
    return any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds)


def plain(value: Any, frame: EvaluationFrame) -> Any:
    """The JSON value of a result: moments as ISO 8601 in UTC, spans as `90s`, an absent optional as null."""
    frame.spend(1)
    if isinstance(value, float) and not math.isfinite(value):
        raise WrongType("The result is not a finite number.")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        frame.allot(len(value))
        return value
    if isinstance(value, list):
        return [plain(one, frame) for one in value]
    if isinstance(value, dict):
        return {_key(key): plain(one, frame) for key, one in value.items()}
    if isinstance(value, datetime | timedelta):
        return as_text(value)
    if isinstance(value, Optional):
        return plain(value.value, frame)
    raise WrongType(f"The result is {name_of(value)}, which JSON cannot hold.")


def _key(key: Any) -> str:
    return key if isinstance(key, str) else as_text(key)


def as_text(value: Any) -> str:
    """What `string(value)` gives."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"{as_text(seconds)}s"
    raise WrongType(f"string() cannot be used on {name_of(value)}.")
