"""Every second: ring again for what nobody has, and forget what is old."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.domain.queueing import Task, send_task, waiting
from controlplane.operations.models import OPERATION_LIVE, Operation, OperationState

RING_AGAIN = """
UPDATE operations_operation SET rung_at = now() WHERE id IN (
    SELECT id FROM operations_operation
    WHERE (state = 'queued' OR (state = 'running' AND lease_until < now()))
      AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))
    ORDER BY rung_at NULLS FIRST LIMIT 100 FOR UPDATE SKIP LOCKED
) RETURNING id
"""
AT_ONCE = 20
# A second's sweep has more to do than to delete.
ROWS_AT_ONCE = 100_000


def ring_for_operations() -> int:
    """How many operations had nobody: their bell was lost, or their worker."""
    with connection.cursor() as cursor:
        cursor.execute(RING_AGAIN, [settings.ENGINE_RING_AGAIN_SECONDS])
        ids = [pk for (pk,) in cursor.fetchall()]
    return len(ids) if all(send_task("controlplane.operations.tasks.work_on", pk) for pk in ids) else 0


def forget_old_operations() -> int:
    """Delete what expired, with its files; how many. A preview that is confirmed at this moment stays."""
    old = (
        Operation.objects.filter(expires_at__lt=timezone.now()).exclude(state__in=OPERATION_LIVE).order_by("expires_at")
    )
    operations = some_of(old[:AT_ONCE])
    with transaction.atomic():
        still = old.filter(pk__in=[operation.pk for operation in operations]).select_for_update(skip_locked=True)
        ids = list(still.values_list("pk", flat=True))
        Operation.objects.filter(pk__in=ids).delete()
    return len(ids)


def some_of(operations: Iterable[Operation]) -> list[Operation]:
    """The first ones, with not many more rows than ROWS_AT_ONCE together."""
    some, rows = [], 0
    for operation in operations:
        some.append(operation)
        rows += operation.total if operation.kind == "bulk" else 0
        if rows >= ROWS_AT_ONCE:
            break
    return some


@waiting
def operations(queues: Collection[str], most: int) -> list[Task]:
    """Those whose message came to no worker, or whose worker is lost."""
    if "default" not in queues:
        return []
    late = timezone.now() - timedelta(seconds=settings.ENGINE_PULL_AFTER_SECONDS)
    free = Q(state=OperationState.QUEUED, created_at__lt=late) | Q(state=OperationState.RUNNING, lease_until__lt=late)
    ids = Operation.objects.filter(free).order_by("created_at").values_list("pk", flat=True)[:most]
    return [("controlplane.operations.tasks.work_on", (pk,)) for pk in ids]
