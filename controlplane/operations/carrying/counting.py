"""How far an operation is, counted from its rows: the counters on the operation are a copy for whoever watches."""

from __future__ import annotations

from django.db.models import Count, Q

from controlplane.operations.models import Operation, OperationRow, RowState


def count(operation_id: int) -> tuple[int, int]:
    """Write (done, refused) to the operation."""
    rows = OperationRow.objects.filter(operation=operation_id)
    counts = rows.aggregate(
        done=Count("pk", filter=Q(state=RowState.DONE)), refused=Count("pk", filter=Q(state=RowState.REFUSED))
    )
    Operation.objects.filter(pk=operation_id).update(**counts)
    return counts["done"], counts["refused"]


def reasons(operation: Operation, *, most: int = 20) -> list[tuple[str, int, list[int]]]:
    """(why rows were refused, how many, the first ids), the most frequent first."""
    refused = OperationRow.objects.filter(operation=operation, state=RowState.REFUSED)
    found = refused.values_list("detail").annotate(count=Count("pk")).order_by("-count", "detail")[:most]
    return [
        (why, number, list(refused.filter(detail=why).order_by("position").values_list("object_id", flat=True)[:most]))
        for why, number in found
    ]
