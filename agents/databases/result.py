"""What a query gives back: JSON-ready rows within limits."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from controlplane.outbound.content import storable

MAX_DEPTH = 64


@dataclass(frozen=True)
class QueryLimits:
    """`max_bytes` counts the rows as JSON. `lock_timeout_seconds` is how long to wait for another's lock."""

    max_rows: int = 1_000
    max_bytes: int = 5 * 1024 * 1024
    timeout_seconds: float = 30.0
    lock_timeout_seconds: float = 5.0
    # Who set the time limit, as in "the instance's 60 seconds".
    whose: str = ""


@dataclass(frozen=True)
class QueryResult:
    """`columns` are `{"name", "type"}`; `notice` tells a person what was cut or replaced."""

    columns: list[dict[str, str]]
    rows: list[list[object]]
    truncated: bool = False
    notice: str | None = None
    duration_ms: int = 0

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def as_dict(self) -> dict[str, object]:
        return {
            "columns": self.columns,
            "rows": self.rows,
            "row_count": self.row_count,
            "truncated": self.truncated,
            "notice": self.notice,
            "duration_ms": self.duration_ms,
        }


@dataclass(frozen=True)
class InstanceReport:
    """The outcome of testing an instance; it may be used only when `ok`, else `problems` say why not."""

    problems: list[str] = field(default_factory=list)
    server_version: str = ""
    latency_ms: int = 0
    tables: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        return {
            "ok": self.ok,
            "problems": self.problems,
            "server_version": self.server_version,
            "latency_ms": self.latency_ms,
            "tables": self.tables,
        }


@dataclass
class Collector:
    """Takes rows one by one until a limit is reached."""

    limits: QueryLimits
    rows: list[list[object]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def truncated(self) -> bool:
        return bool(self.notices)

    @property
    def notice(self) -> str | None:
        return " ".join(self.notices) or None

    def add_rows(self, rows: Iterable[Iterable[object]]) -> bool:
        """Add rows; False once a limit is reached and no more are wanted."""
        return all(self._add_row([json_ready(value) for value in row]) for row in rows)

    def _add_row(self, row: list[object]) -> bool:
        if len(self.rows) >= self.limits.max_rows:
            self.notices.append(f"Only the first {self.limits.max_rows:,} rows are shown.")
            return False
        size = len(json.dumps(row))
        if self.size + size > self.limits.max_bytes:
            self.notices.append(
                f"Only the first {len(self.rows):,} rows are shown: more would exceed {self.limits.max_bytes:,} bytes."
            )
            return False
        self.size += size
        self.rows.append(row)
        return True


def json_ready(value: object, depth: int = 0) -> object:
    """The value as JSON that PostgreSQL can store.

    Decimals and UUIDs become text; times ISO 8601, in UTC when they know their zone; durations ISO 8601; bytes
    `base64:…`; NaN and infinities null; NUL and lone surrogates the replacement character.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _container(value, depth)
    return _scalar(value)


def iso_duration(value: timedelta) -> str:
    """ISO 8601, as `-P1DT3.5S` or `PT0S`."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = f"{value.seconds}.{value.microseconds:06}".rstrip("0").rstrip(".")
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}" + (f"T{seconds}S" if seconds != "0" or not days else "")


def _container(value: object, depth: int) -> object:
    if depth >= MAX_DEPTH:
        return storable(repr(value)[:1_000])
    if isinstance(value, dict):
        return {storable(str(key)): json_ready(item, depth + 1) for key, item in value.items()}
    return [json_ready(item, depth + 1) for item in _items(value)]


def _items(value: object) -> Iterator[object]:
    return iter(value)  # type: ignore[call-overload]


def _scalar(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else _utc(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return iso_duration(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "base64:" + base64.b64encode(bytes(value)).decode()
    return str(value) if isinstance(value, Decimal | UUID) else storable(str(value))


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
