"""Tabs above a list: some values of one of its filters each, with how many rows they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.listing.reading.counting import COUNT_LIMIT, Count


@dataclass(frozen=True)
class Tab:
    """`values` of the filter. `columns` are shown on it beside those that always are, until others are chosen."""

    label: str
    values: tuple[str, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tabs:
    """`tabs` of the filter called `filter_name`: together all of its values, each of them once."""

    filter_name: str
    tabs: Sequence[Tab]

    @property
    def with_all(self) -> list[Tab]:
        """The tab of all rows, and then each."""
        return [Tab("All", ()), *self.tabs]


def count_each(querysets: Iterable[QuerySet], *, limit: int = COUNT_LIMIT) -> list[Count]:
    """How many rows each has, exact up to `limit`, in one statement: PostgreSQL stops at the row after it."""
    parts: list[str] = []
    given: list[Any] = []
    for queryset in querysets:
        try:
            sql, params = queryset.order_by().values("pk")[: limit + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, params = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")  # noqa: S608 - built by Django
        given += params
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", given)
        return [Count(min(found, limit), is_capped=found > limit) for found in cursor.fetchone()]


def count_together(counts: Sequence[Count], *, limit: int = COUNT_LIMIT) -> Count:
    """Of sets that share no row: exact as long as each of them is."""
    value = sum(count.value for count in counts)
    return Count(min(value, limit), is_capped=value > limit or any(count.is_capped for count in counts))
