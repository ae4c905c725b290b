"""Verbs on operations. What an operation does to its rows are the verbs of those rows."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.domain.errors import NotFound
from controlplane.domain.queueing import enqueue
from controlplane.domain.recording import record
from controlplane.domain.refusals import Refusal
from controlplane.operations import events
from controlplane.operations.carrying.actors import is_mine, owner_of
from controlplane.operations.carrying.counting import count
from controlplane.operations.carrying.selection import store_done
from controlplane.operations.models import OPERATION_LIVE, UNDOABLE, Operation, OperationRow, OperationState, RowState
from controlplane.projects.tenants.actors import Actor

# Each row is a transaction of some milliseconds: so many are done while a person waits.
AT_ONCE = 200
KEPT = timedelta(days=30)
STARTED = Refusal(~Q(state=OperationState.DRAFT), "This was started already.")
ENDED = Refusal(~Q(state__in=OPERATION_LIVE), "This operation has ended already.")
NOT_UNDONE = Refusal(~UNDOABLE, "This cannot be undone, or not any more.")


def strangers(operation: Operation, by: Actor) -> str:
    """Why `by` may not touch the operation; empty when they may."""
    mine = is_mine(operation, by) or by.may("admin", operation.project)
    return "" if mine else "Only whoever started this, and administrators, may do that."


@action(label="Start", role="viewer", icon="play", refused_when=(STARTED,))
def start_operation(operation: Operation, *, by: Actor, arguments: dict[str, object] | None = None) -> Operation:
    """Let the work begin. Up to AT_ONCE rows the caller does by `work`; more are a worker's. Only a draft starts."""
    if not is_mine(operation, by):
        raise NotFound("There is no such operation.")
    given = {} if arguments is None else {"arguments": arguments}
    rows = Operation.objects.filter(pk=operation.pk)
    kept = {"expires_at": timezone.now() + KEPT} if operation.kind == "bulk" else {}
    rows.update(state=OperationState.QUEUED, rung_at=Now(), **kept, **given)
    operation.refresh_from_db()
    if in_background(operation):
        record(events.STARTED, operation, by=by, name=operation.name)
        enqueue("controlplane.operations.tasks.work_on", operation.pk)
    return operation


@action(
    label="Cancel", role="viewer", tone="danger", icon="cancel", confirm="Stop here? What is done stays done.",
    refused_to=strangers, refused_when=(ENDED,),
)  # fmt: skip
def cancel_operation(operation: Operation, *, by: Actor) -> Operation:
    """Stop before the next row. Only whoever started it and administrators may."""
    rows = Operation.objects.filter(pk=operation.pk)
    rows.update(state=OperationState.CANCELLED, ended_at=Now(), message=f"{by.name} cancelled it."[:500])
    if operation.kind == "bulk":
        OperationRow.objects.filter(operation=operation, state=RowState.PENDING).update(state=RowState.SKIPPED)
        count(operation.pk)
    operation.refresh_from_db()
    record(events.CANCELLED, operation, by=by, name=operation.name)
    return operation


@action(
    label="Undo", role="viewer", icon="history", confirm="Take back what this changed?",
    refused_to=strangers, refused_when=(NOT_UNDONE,),
)  # fmt: skip
def undo_operation(operation: Operation, *, by: Actor) -> Operation:
    """A new operation that takes back what this one really changed, row by row. Refused when it is too late."""
    undo = Operation.objects.create(
        project=operation.project, kind=operation.kind, subject=operation.subject, undo_of=operation,
        action=operation.undo_action, label=f"Undo {operation.label.lower()} for",
        expires_at=timezone.now() + KEPT, **owner_of(by),
    )  # fmt: skip
    undo.total = store_done(undo, operation, next(iter(operation.arguments), ""))
    undo.save(update_fields=["total"])
    record(events.UNDONE, operation, by=by, name=operation.name)
    return start_operation(undo, by=by)


def in_background(operation: Operation) -> bool:
    """Whether a worker does it; else it is done before the answer."""
    return operation.total > AT_ONCE or operation.kind != "bulk"
