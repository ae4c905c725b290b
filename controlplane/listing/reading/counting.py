"""How many rows match, without counting millions."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

# Exact up to here. Nobody reads on past it, and counting further would cost more than the page itself.
COUNT_LIMIT = 10_000


@dataclass(frozen=True)
class Count:
    """`value` rows, or more than that when `is_capped`. Text: 1,234 or 10,000+."""

    value: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}{'+' if self.is_capped else ''}"


def count_matching(queryset: QuerySet, *, limit: int = COUNT_LIMIT) -> Count:
    """Exact up to `limit`: PostgreSQL stops at the row after it."""
    found = queryset.order_by().values("pk")[: limit + 1].count()
    return Count(min(found, limit), is_capped=found > limit)
