"""One action on many rows: the set is frozen and shown first; then each row has its own transaction and outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.forms import Form
from django.utils import timezone

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import InvalidInput
from controlplane.domain.refusals import NONE_MET, first_met
from controlplane.listing.declaration.fields import is_id
from controlplane.listing.declaration.listing import Listing
from controlplane.operations.actions import in_background, start_operation
from controlplane.operations.carrying.actors import owner_of
from controlplane.operations.carrying.selection import store_ids, store_matching
from controlplane.operations.carrying.work import work
from controlplane.operations.models import Operation, OperationRow
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import Actor

# Some minutes of work; whoever wants more narrows the filters and comes again.
BULK_LIMIT = 100_000
# How long a preview may stay open.
DRAFT_FOR = timedelta(hours=1)
IDS_SHOWN = 20
FROZEN = signing.Signer(salt="bulk", sep=".")


@dataclass(frozen=True)
class Preview:
    """What would become of a frozen set: (why not, how many, the first ids) of what is refused."""

    verb: AnyAction
    listing: Listing
    total: int
    eligible: int
    refused: list[tuple[str, int, list[int]]]
    operation: Operation | None = None

    @property
    def in_background(self) -> bool:
        return self.operation is not None and in_background(self.operation)

    @property
    def form(self) -> Form | None:
        """For what the verb takes."""
        return self.verb.takes(auto_id="bulk-%s") if self.verb.takes else None

    @property
    def title(self) -> str:
        """`Retry 38 runs?`"""
        return f"{self.button}?" if self.eligible else f"{self.verb.label}: none can be done"

    @property
    def button(self) -> str:
        return f"{self.verb.label} {self.listing.counted(self.eligible)}"


def selection_cutoff(queryset: QuerySet) -> str:
    """A mark for the form: what is made later is not among “all matching”, however long the page stays open."""
    newest = queryset.model._base_manager.aggregate(newest=Max("pk"))["newest"]
    return FROZEN.sign(str(newest or 0))


def up_to_cutoff(queryset: QuerySet, mark: str) -> QuerySet:
    """The rows of `queryset` that existed when `freeze` made `mark`. Raises InvalidInput."""
    try:
        return queryset.filter(pk__lte=int(FROZEN.unsign(mark)))
    except (signing.BadSignature, ValueError) as error:
        raise InvalidInput.field("frozen", "The page is too old for this. Reload it and try again.") from error


def ids_of(texts: Iterable[Any], field: str = "selected") -> list[int]:
    """Raises InvalidInput for anything but ids, and for none or too many of them."""
    given = [str(text) for text in texts]
    if not given:
        raise InvalidInput.field(field, "Nothing is selected.")
    if not all(map(is_id, given)):
        raise InvalidInput.field(field, "The selection holds something that is not an id.")
    ids = list(dict.fromkeys(map(int, given)))
    refuse_too_many(len(ids), field)
    return ids


def refuse_too_many(number: int, field: str = "selected") -> None:
    """Raises InvalidInput for more rows than one operation may have."""
    if number > BULK_LIMIT:
        raise InvalidInput.field(field, f"At most {BULK_LIMIT:,} rows at once. Narrow the filters.", "too_many")


@transaction.atomic
def draft(listing: Listing, verb: AnyAction, chosen: list[int] | QuerySet, *, project: Project, by: Actor) -> Operation:
    """The operation that `verb` on `chosen` (ids, or all rows of a queryset) would be. Raises InvalidInput."""
    operation = Operation.objects.create(
        project=project, kind="bulk", subject=listing.noun, action=verb.name,
        label=verb.label, undo_action=verb.undo,
        expires_at=timezone.now() + DRAFT_FOR, **owner_of(by),
    )  # fmt: skip
    if isinstance(chosen, QuerySet):
        operation.total = store_matching(operation, chosen, most=BULK_LIMIT + 1)
    else:
        operation.total = store_ids(operation, chosen)
    if not operation.total:
        raise InvalidInput.field("selected", "Nothing matches.")
    refuse_too_many(operation.total)
    operation.save(update_fields=["total"])
    return operation


def start(operation: Operation, *, by: Actor, arguments: dict[str, Any]) -> Operation:
    """Begin; a small operation is done when this returns, a large one goes on in a worker."""
    start_operation(operation, by=by, arguments=arguments)
    if not in_background(operation):
        work(operation.pk)
        operation.refresh_from_db()
    return operation


def preview_of(operation: Operation, listing: Listing, verb: AnyAction, *, by: Actor) -> Preview:
    ids = OperationRow.objects.filter(operation=operation).values("object_id")
    return preview(listing, verb, ids, operation.total, by=by, operation=operation)


def preview(
    listing: Listing, verb: AnyAction, ids: Any, total: int, *, by: Actor, operation: Operation | None = None
) -> Preview:
    """Who would be refused, and why: the verb's own `refused_when`, asked of all rows in one statement.

    The call asks again when the row's turn comes; then it also finds reasons that no condition on a row can say.
    """
    rules = verb.refused_when
    rows = listing.filters._meta.model._default_manager.visible_to(by).filter(pk__in=ids).order_by()
    judged = rows.annotate(refusal=first_met(rules))
    counts = dict(judged.values_list("refusal").annotate(count=Count("pk")))
    refused = [
        (rule.why, counts[number], list(judged.filter(refusal=number).values_list("pk", flat=True)[:IDS_SHOWN]))
        for number, rule in enumerate(rules)
        if number in counts
    ]
    gone = total - sum(counts.values())
    if gone:
        refused.append(("It does not exist any more.", gone, []))
    return Preview(verb, listing, total, counts.get(NONE_MET, 0), refused, operation)
