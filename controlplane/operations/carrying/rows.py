"""One row of an operation at a time: held while it is worked on, and settled with the change it made, or not at all.

Plain statements, since an operation runs them ten thousand times.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model

from controlplane.operations.models import Operation, OperationRow, RowState

# A row may take so many workers with it.
MOST_LOSSES = 2
LOST = f"The worker ended {MOST_LOSSES} times while it worked on this, so it is not tried again."
HOLD = """
SELECT EXISTS (SELECT FROM {table} WHERE {pk} = operations_operationrow.object_id) FROM operations_operationrow
WHERE id = %s AND state = 'pending' FOR NO KEY UPDATE OF operations_operationrow SKIP LOCKED
"""
SETTLE = "UPDATE operations_operationrow SET state = %s, detail = %s, changed = %s::jsonb WHERE id = %s"
TRY = """
UPDATE operations_operationrow SET attempts = attempts + 1,
    state = CASE WHEN attempts < %(most)s THEN state ELSE 'refused' END,
    detail = CASE WHEN attempts < %(most)s THEN detail ELSE %(lost)s END
WHERE id = (
    SELECT id FROM operations_operationrow
    WHERE operation_id = %(operation)s AND state = 'pending' AND position > %(after)s
    ORDER BY position LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING id
"""


def waiting(operation: Operation, *, after: int, most: int) -> list[OperationRow]:
    """The next rows behind position `after`. Going on there spares PostgreSQL the way through all that are done."""
    rows = OperationRow.objects.filter(operation=operation.pk, state=RowState.PENDING, position__gt=after)
    return list(rows.order_by("position")[:most])


def hold(row: OperationRow, subject: type[Model]) -> bool | None:
    """Keep others from it until the transaction ends; whether what it names exists. None when it is not to be had."""
    statement = HOLD.format(table=subject._meta.db_table, pk=subject._meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])
        found = cursor.fetchone()
    return None if found is None else found[0]


def settle(row: OperationRow, state: str, detail: str, changed: Any) -> None:
    """`changed` is JSON that an undo needs; None where there is nothing to take back."""
    adapted = OperationRow._meta.get_field("changed").get_db_prep_save(changed, connection)
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [state, detail, adapted, row.pk])


def try_next(operation: Operation, *, after: int) -> OperationRow | None:
    """Count a try at the next row before it is worked on; one that was tried too often is refused by that."""
    with connection.cursor() as cursor:
        cursor.execute(TRY, {"most": MOST_LOSSES, "lost": LOST, "operation": operation.pk, "after": after})
        found = cursor.fetchone()
    return OperationRow.objects.get(pk=found[0]) if found else None
