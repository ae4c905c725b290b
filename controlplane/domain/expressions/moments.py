"""Moments and spans of time in expressions; every part of a moment is read in UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.values import EvaluationFrame, name_of, quoted

Function = Callable[..., Any]


def _timestamp(frame: EvaluationFrame, value: Any) -> datetime:
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo:
                return moment
    except (ValueError, OverflowError, OSError):
        pass
    raise WrongType(f"timestamp() cannot read {quoted(value)}; it takes text such as 2026-01-31T12:00:00Z.")


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|ns)")


def _duration(frame: EvaluationFrame, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    text = value.lstrip("+-") if isinstance(value, str) else ""
    parts = _SPAN.findall(text) if len(text) < 100 else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise WrongType(f"duration() cannot read {quoted(value)}; it takes text such as 90s, 1h30m or 500ms.")
    try:
        span = timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise WrongType(f"duration() cannot read {quoted(value)}: it is too long.")
    return -span if value.startswith("-") else span


def _moment_part(name: str, read: Callable[[datetime], int], of_span: float = 0) -> Function:
    def part(frame: EvaluationFrame, value: Any, zone: str = "UTC") -> int:
        if isinstance(value, timedelta) and of_span:
            return int(value / timedelta(seconds=of_span))
        if not isinstance(value, datetime):
            raise WrongType(f"{name}() needs a timestamp, not {name_of(value)}.")
        if zone != "UTC":
            raise WrongType(f"{name}() knows only the zone UTC.")
        return read(value.astimezone(UTC))

    return part


FUNCTIONS: dict[str, Function] = {
    "timestamp": _timestamp,
    "duration": _duration,
    "getFullYear": _moment_part("getFullYear", lambda moment: moment.year),
    "getMonth": _moment_part("getMonth", lambda moment: moment.month - 1),
    "getDate": _moment_part("getDate", lambda moment: moment.day),
    "getDayOfMonth": _moment_part("getDayOfMonth", lambda moment: moment.day - 1),
    "getDayOfWeek": _moment_part("getDayOfWeek", lambda moment: moment.isoweekday() % 7),
    "getDayOfYear": _moment_part("getDayOfYear", lambda moment: moment.timetuple().tm_yday - 1),
    "getHours": _moment_part("getHours", lambda moment: moment.hour, 3600),
    "getMinutes": _moment_part("getMinutes", lambda moment: moment.minute, 60),
    "getSeconds": _moment_part("getSeconds", lambda moment: moment.second, 1),
}
