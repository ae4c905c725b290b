"""Calls a minute: a token bucket in the tool's slot row, so that it holds across all processes. Only PostgreSQL counts.

A bucket of `burst` tokens fills at `per_minute`; each call takes one. Steps take theirs when they are claimed
(`runs/engine/slots.py`); what a model calls, and what people try, take theirs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from django.db import connection

from agents.models import Tool
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import lend_connection
from controlplane.domain.errors import ProblemError
from controlplane.domain.failures import Failure

# What is in the bucket now. The clock goes on within a transaction. When it was set back, that counts as time passed:
# at worst one burst too early, where waiting until it is as late as before could take for ever.
AVAILABLE = "LEAST(burst, tokens + abs(extract(epoch FROM clock_timestamp() - refilled_at)) * per_minute / 60.0)"
TAKE = f"""
UPDATE agents_slot SET tokens = {AVAILABLE} - 1, refilled_at = clock_timestamp()
WHERE key = %(key)s AND per_minute IS NOT NULL AND {AVAILABLE} >= 1
"""  # noqa: S608 - names of this file
SECONDS_LEFT = f"""
SELECT GREATEST(0, (1 - {AVAILABLE}) * 60.0 / per_minute)::float FROM agents_slot
WHERE key = %(key)s AND per_minute IS NOT NULL
"""  # noqa: S608 - names of this file
USE = f"""
SELECT in_use, capacity, per_minute, burst, ({AVAILABLE})::float FROM agents_slot WHERE key = %(key)s
"""  # noqa: S608 - names of this file
# Who comes next may be faster, so the wait is never shorter than this.
SHORTEST_WAIT = 0.05


class RateLimited(Failure):
    """The tool's limit of calls a minute left no room before the time limit. Nothing was sent."""

    kind = "rate_limited"


class TooManyCalls(ProblemError):
    """As a test call hears it."""

    status = 429
    title = "Too many calls"


@dataclass(frozen=True)
class Use:
    """Of a tool or agent now. `capacity`, `per_minute`, `burst` and `available` are None where nothing limits it."""

    in_use: int = 0
    capacity: int | None = None
    per_minute: int | None = None
    burst: int | None = None
    available: float | None = None


def use_of(key: str) -> Use:
    """`key` is that of the slot, such as `tool:7`."""
    rows = read(USE, key)
    return Use(*rows[0]) if rows else Use()


def take_turn(key: str) -> float | None:
    """None when the call may go, else the seconds until there may be room."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"key": key})
        if cursor.rowcount:
            return None
    rows = read(SECONDS_LEFT, key)
    return max(rows[0][0], SHORTEST_WAIT) if rows else None


def refuse_beyond(tool: Tool) -> None:
    """For a call that somebody waits for. Raises TooManyCalls."""
    wait = take_turn(f"tool:{tool.pk}")
    if wait is not None:
        message = f"The tool {tool.name} takes {tool.calls_per_minute} calls a minute. Try again in {ceil(wait)} s."
        raise TooManyCalls(message, code="rate_limited", retry_after=ceil(wait))


def wait_for_turn(project_id: int, name: str, token: CancelToken) -> None:
    """For a call that a model makes: wait for room. Raises RateLimited when none comes in time, Cancelled."""
    pk = Tool.objects.filter(project_id=project_id, name=name, calls_per_minute__isnull=False).values_list("pk").first()
    while pk is not None and (wait := take_turn(f"tool:{pk[0]}")) is not None:
        remaining = token.remaining()
        if remaining is not None and wait >= remaining:
            raise RateLimited(f"The tool {name} has no room for another call in {remaining:.0f} s.", retry_after=wait)
        lend_connection()
        token.wait(wait)
        token.check()


def read(statement: str, key: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"key": key})
        return cursor.fetchall()
