"""What became of each row, as CSV."""

from __future__ import annotations

import csv
import io

from controlplane.operations.models import Operation, OperationRow

FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def result_csv(operation: Operation) -> bytes:
    """`id,status,detail` a row, in the order of the set."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["id", "status", "detail"])
    rows = (
        OperationRow.objects.filter(operation=operation)
        .order_by("position")
        .values_list("object_id", "state", "detail")
    )
    lines.writerows((pk, state, harmless(detail)) for pk, state, detail in rows.iterator())
    return text.getvalue().encode()


def harmless(text: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
