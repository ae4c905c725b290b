"""Verbs on operations. What an operation does to its rows are the verbs of those rows."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.domain.errors import ActionRefused, NotAllowed, NotFound
from controlplane.domain.queueing import enqueue
from controlplane.domain.recording import record
from controlplane.operations import events
from controlplane.operations.actors import is_mine, owner_of
from controlplane.operations.counting import count
from controlplane.operations.freezing import freeze_done
from controlplane.operations.models import OPERATION_LIVE, Operation, OperationRow, OperationState, RowState
from controlplane.projects.actors import Actor

# Each row is a transaction of some milliseconds: so many are done while a person waits.
AT_ONCE = 200
KEPT = timedelta(days=30)


@action(label="Start", role="viewer", icon="play")
def start_operation(operation: Operation, *, by: Actor, arguments: dict[str, object] | None = None) -> Operation:
    """Let the work begin. Up to AT_ONCE rows the caller does by `work`; more are a worker's. Only a draft starts."""
    if not is_mine(operation, by):
        raise NotFound("There is no such operation.")
    given = {} if arguments is None else {"arguments": arguments}
    rows = Operation.objects.filter(pk=operation.pk, state=OperationState.DRAFT)
    kept = {"expires_at": timezone.now() + KEPT} if operation.kind == "bulk" else {}
    if not rows.update(state=OperationState.QUEUED, rung_at=Now(), **kept, **given):
        raise ActionRefused("This was started already.")
    operation.refresh_from_db()
    if in_background(operation):
        record(events.STARTED, operation, by=by, name=operation.name)
        enqueue("controlplane.operations.tasks.work_on", operation.pk)
    return operation


@action(label="Cancel", role="viewer", tone="danger", icon="cancel", confirm="Stop here? What is done stays done.")
def cancel_operation(operation: Operation, *, by: Actor) -> Operation:
    """Stop before the next row. Only whoever started it and administrators may."""
    refuse_strangers(operation, by)
    live = Operation.objects.filter(pk=operation.pk, state__in=OPERATION_LIVE)
    if not live.update(state=OperationState.CANCELLED, ended_at=Now(), message=f"{by.name} cancelled it."[:500]):
        raise ActionRefused("This operation has ended already.")
    if operation.kind == "bulk":
        OperationRow.objects.filter(operation=operation, state=RowState.PENDING).update(state=RowState.SKIPPED)
        count(operation.pk)
    operation.refresh_from_db()
    record(events.CANCELLED, operation, by=by, name=operation.name)
    return operation


@action(label="Undo", role="viewer", icon="history", confirm="Take back what this changed?")
def undo_operation(operation: Operation, *, by: Actor) -> Operation:
    """A new operation that takes back what this one really changed, row by row. Refused when it is too late."""
    refuse_strangers(operation, by)
    operation = Operation.objects.select_for_update(of=["self"]).select_related("project").get(pk=operation.pk)
    if not operation.can_be_undone:
        raise ActionRefused("This cannot be undone, or not any more.")
    undo = Operation.objects.create(
        project=operation.project, kind=operation.kind, subject=operation.subject, undo_of=operation,
        action=operation.undo_action, label=f"Undo {operation.label.lower()} for",
        expires_at=timezone.now() + KEPT, **owner_of(by),
    )  # fmt: skip
    undo.total = freeze_done(undo, operation, next(iter(operation.arguments), ""))
    undo.save(update_fields=["total"])
    record(events.UNDONE, operation, by=by, name=operation.name)
    return start_operation(undo, by=by)


def refuse_strangers(operation: Operation, by: Actor) -> None:
    if not (is_mine(operation, by) or by.may("admin", operation.project)):
        raise NotAllowed("Only whoever started this, and administrators, may do that.")


def in_background(operation: Operation) -> bool:
    return operation.total > AT_ONCE or operation.kind != "bulk"
