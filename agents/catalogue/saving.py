"""What saving a tool, an agent or an instance has in common: versions, revisions, slots, second editors."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from agents.catalogue.dependents import dependents_of
from agents.models import Agent, Catalogued, Revision, Slot, Tool
from controlplane.domain.action import Actor
from controlplane.domain.errors import Conflict, InvalidInput

# Slots and switches are about how much and whether, not what is called.
NOT_IN_SNAPSHOT = {"enabled", "max_concurrent", "tags", "calls_per_minute", "burst"}


def document_of(row: Catalogued) -> dict[str, Any]:
    """Every field a person can write, as JSON."""
    values = {name: getattr(row, name) for name in row.written()}
    return {name: f"{value:.6f}" if isinstance(value, Decimal) else value for name, value in values.items()}


def merged(row: Catalogued, values: Mapping[str, Any]) -> dict[str, Any]:
    """The document after a save. Unknown fields stay in, so that the check names them."""
    document = {**document_of(row), **values}
    for fixed in ("kind", "engine"):
        if row.pk and fixed in document and document[fixed] != getattr(row, fixed):
            raise InvalidInput.field(fixed, f"The {fixed} cannot change; make a new one.", "fixed")
    return document


def fill(row: Catalogued, document: Mapping[str, Any], *, by: Actor) -> None:
    """Write a checked document into the row, without saving."""
    for name in row.written():
        setattr(row, name, document[name])
    if isinstance(row, Tool):
        row.cost_usd = Decimal(str(document["cost_usd"]))
    row.updated_by = by.name


def insert(row: Catalogued) -> None:
    """Raises Conflict with the code `name_taken`."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise taken(row) from error


def lock(row: Catalogued, version_no: int | None) -> Any:
    """The row as it is now, locked. Raises Conflict when it is no longer at `version_no` (None: any will do)."""
    now = type(row).objects.select_for_update().filter(pk=row.pk).first()
    if now is None:
        raise Conflict(f"The {kind_of(row)} {row.name} was deleted in the meantime.")
    if version_no is not None and version_no != now.version_no:
        who = now.updated_by or "Somebody"
        raise Conflict(
            f"{who} saved version {now.version_no} after you opened version {version_no}. Nothing was overwritten.",
            code="edited_meanwhile",
            version_no=now.version_no,
            updated_by=now.updated_by,
        )
    return now


def save_next(row: Catalogued) -> None:
    row.version_no += 1
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise taken(row) from error


def taken(row: Catalogued) -> Conflict:
    conflict = Conflict(f"There is a {kind_of(row)} {row.name} in this project already.", code="name_taken")
    conflict.errors = InvalidInput.field("name", "This name is taken.", "taken").errors
    return conflict


def keep_revision(row: Tool | Agent, *, by: Actor) -> Revision:
    """Freeze the configuration as it is now under the row's `version_no`."""
    owner = {kind_of(row): row}
    return Revision.objects.create(**owner, number=row.version_no, snapshot=snapshot_of(row), created_by=by.name)


def snapshot_of(row: Tool | Agent) -> dict[str, Any]:
    """All that a call needs, secrets only as references."""
    document = document_of(row)
    return {name: value for name, value in document.items() if name not in NOT_IN_SNAPSHOT}


def fit_slot(row: Catalogued) -> None:
    """Keep the Slot row of `tool:7` in step with its limits; without a limit there is none."""
    per_minute = getattr(row, "calls_per_minute", None)
    if row.max_concurrent is None and per_minute is None:
        drop_slot(row)
        return
    burst = getattr(row, "burst", None) or 1
    limits = {"capacity": row.max_concurrent, "per_minute": per_minute, "burst": burst}
    before = Slot.objects.filter(key=slot_key(row)).values_list("per_minute", flat=True).first()
    # A limit that is new begins with a full bucket; a changed one keeps what is in it.
    full = {} if before else {"tokens": burst, "refilled_at": Now()}
    Slot.objects.update_or_create(key=slot_key(row), defaults={**limits, **full})


def drop_slot(row: Catalogued) -> None:
    Slot.objects.filter(key=slot_key(row)).delete()


def slot_key(row: Catalogued) -> str:
    """`tool:7`: what counts the calls under way of it, and limits them."""
    return f"{kind_of(row)}:{row.pk}"


def kind_of(row: Catalogued) -> str:
    return str(row._meta.model_name)


def refuse_while_used(row: Catalogued, verb: str) -> None:
    """Raises Conflict naming what depends on the row."""
    users = dependents_of(row)
    if users:
        named = ", ".join(f"{one.kind} {one.name}" for one in users[:10])
        more = f" and {len(users) - 10} more" if len(users) > 10 else ""
        raise Conflict(
            f"The {kind_of(row)} {row.name} cannot be {verb}: {named}{more} would break.",
            code="in_use",
            dependents=[{"kind": one.kind, "id": one.pk, "name": one.name} for one in users],
        )
