"""What a list is, said once: page, partial, API, export and bulk actions all read the same `Listing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from controlplane.domain.action import AnyAction
from controlplane.domain.words import counted
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.filters import ListFilterSet
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.tabs import Tabs


@dataclass(frozen=True)
class Listing:
    """`rows(who)` is the queryset of what an Actor or Access may see, with what the columns need and nothing large.

    `noun` is the plural for sentences and file names; `one` is the singular where no rule makes it (domain/words.py).
    The first of `orders` is the usual one. `bulk_actions` take the row, `by` and what their `takes` says. `tabs` stand
    above the list with their counts.
    `layouts` are list and, where cards say more than rows, grid; the first is the usual one.
    """

    noun: str
    rows: Callable[[Any], QuerySet]
    filters: type[ListFilterSet]
    columns: Sequence[Column]
    orders: Sequence[Order]
    bulk_actions: Sequence[AnyAction] = ()
    tabs: Tabs | None = None
    layouts: Sequence[str] = ("list",)
    one: str = ""

    def counted(self, number: int) -> str:
        """`1 run`, `1,234 runs`."""
        return counted(number, self.noun, self.one)

    def bulk_action(self, name: str) -> AnyAction | None:
        return next((verb for verb in self.bulk_actions if verb.name == name), None)
