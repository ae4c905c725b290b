"""`wait`: some time, or until a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from controlplane.domain.json_schema import Fault, closed
from workflows.kinds.declaration import StepKind, has_slot

MAX_DAYS = 366
MAX_SECONDS = MAX_DAYS * 86400


def check_until(with_: Mapping[str, Any]) -> Iterator[Fault]:
    until = with_.get("until")
    if isinstance(until, str) and not has_slot(until) and not is_moment(until):
        yield Fault("with.until", "This must be a moment with a time zone, such as 2026-01-31T12:00:00Z.", "type")


def is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


KIND = StepKind(
    name="wait",
    label="Wait",
    icon="wait",
    does="Waits for some time, or until a moment.",
    takes=f"either `seconds` (up to {MAX_DAYS} days) or `until`, a moment with a time zone",
    example="{key: pause, uses: wait, with: {seconds: 60}}",
    schema=closed(
        {
            "seconds": {"type": "number", "minimum": 0, "maximum": MAX_SECONDS},
            "until": {"type": "string", "description": "A moment with a time zone, such as 2026-01-31T12:00:00Z."},
        },
        oneOf=[{"required": ["seconds"]}, {"required": ["until"]}],
    ),
    sentences={"oneOf": "A wait needs either seconds or until."},
    check=check_until,
    pure=True,
    waits_for="time",
    inline=True,
)
