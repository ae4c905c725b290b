"""One action on many rows: each in its own transaction, each with its own outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core import signing
from django.db.models import Max, QuerySet

from controlplane.domain.action import Actor
from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.listing.filters import is_id

logger = logging.getLogger(__name__)
# Each row is a transaction of some milliseconds, and the person waits for the answer: a thousand take a few seconds.
BULK_LIMIT = 1000
UNEXPECTED = "Something went wrong on our side; the log has the details."
FROZEN = signing.Signer(salt="bulk", sep=".")


@dataclass
class Outcome:
    """What became of each row: how many were done, and the refused ones by reason."""

    label: str
    done: int = 0
    refused: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, pk: int, reason: str) -> None:
        self.refused.setdefault(reason, []).append(pk)

    @property
    def refused_count(self) -> int:
        return sum(map(len, self.refused.values()))

    @property
    def tone(self) -> str:
        if not self.refused:
            return "success"
        return "warning" if self.done else "danger"

    @property
    def level(self) -> int:
        return {"success": messages.SUCCESS, "warning": messages.WARNING, "danger": messages.ERROR}[self.tone]

    def __str__(self) -> str:
        """`Retry: 38 done, 2 refused.`"""
        refused = f", {self.refused_count:,} refused" if self.refused else ""
        return f"{self.label}: {self.done:,} done{refused}."

    def reasons(self) -> list[tuple[str, str]]:
        """(reason, the first ids it met) for the page."""
        return [(reason, some_ids(ids, 20)) for reason, ids in self.refused.items()]

    def in_full(self, most: int = 5) -> str:
        """The summary with the reasons and the first ids of each, as one text."""
        reasons = [f"{reason} ({some_ids(ids, most)})" for reason, ids in list(self.refused.items())[:most]]
        return " ".join([str(self), *reasons])


def some_ids(ids: list[int], most: int) -> str:
    shown = ", ".join(str(pk) for pk in ids[:most])
    return f"{shown} and {len(ids) - most:,} more" if len(ids) > most else shown


def freeze(queryset: QuerySet) -> str:
    """A mark for the form: what is made later is not among “all matching”, however long the page stays open."""
    newest = queryset.model._base_manager.aggregate(newest=Max("pk"))["newest"]
    return FROZEN.sign(str(newest or 0))


def frozen(queryset: QuerySet, mark: str) -> QuerySet:
    """The rows of `queryset` that existed when `freeze` made `mark`. Raises InvalidInput."""
    try:
        return queryset.filter(pk__lte=int(FROZEN.unsign(mark)))
    except (signing.BadSignature, ValueError) as error:
        raise InvalidInput.field("frozen", "The page is too old for this. Reload it and try again.") from error


def ids_of(texts: Iterable[str]) -> list[int]:
    """Raises InvalidInput for anything but ids, and for none or too many of them."""
    texts = list(texts)
    if not texts:
        raise InvalidInput.field("selected", "Nothing is selected.")
    if not all(map(is_id, texts)):
        raise InvalidInput.field("selected", "The selection holds something that is not an id.")
    return refuse_too_many(list(dict.fromkeys(map(int, texts))))


def refuse_too_many(ids: list[int]) -> list[int]:
    if len(ids) > BULK_LIMIT:
        raise InvalidInput.field("selected", f"At most {BULK_LIMIT:,} rows at once. Narrow the filters.", "too_many")
    return ids


def act_on(rows: QuerySet, ids: Iterable[int], verb: Callable[..., Any], *, by: Actor) -> Outcome:
    """`verb(row, by=by)` for each id, read afresh just before. What is gone or refused is part of the outcome."""
    outcome = Outcome(verb.label)
    for pk in ids:
        reason = act_on_one(rows, pk, verb, by=by)
        if reason:
            outcome.refuse(pk, reason)
        else:
            outcome.done += 1
    return outcome


def act_on_one(rows: QuerySet, pk: int, verb: Callable[..., Any], *, by: Actor) -> str:
    """Why it was refused; empty when it was done."""
    try:
        row = rows.defer(None).filter(pk=pk).first()
        if row is None:
            return "It does not exist any more."
        verb(row, by=by)
        return ""
    except ProblemError as problem:
        return problem.detail
    except Exception:
        extra = {"action": "bulk_failed", "verb": verb.__name__, "row": pk}
        logger.exception("A bulk action failed on one row", extra=extra)
        return UNEXPECTED
