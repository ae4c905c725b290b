"""The set that an operation works on, written down once: what changes later changes nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.operations.models import Operation

FROM_IDS = """
INSERT INTO operations_operationrow (operation_id, position, object_id)
SELECT %s, position, id FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (id, position)
"""
# One statement for any number of rows; the ids never come here.
FROM_QUERY = """
INSERT INTO operations_operationrow (operation_id, position, object_id)
SELECT %s, row_number() OVER (), id FROM ({query}) AS found (id)
"""
FROM_DONE = """
INSERT INTO operations_operationrow (operation_id, position, object_id, arguments)
SELECT %s, row_number() OVER (ORDER BY position), object_id,
       CASE WHEN changed IS NOT NULL THEN jsonb_build_object(%s::text, changed) END
FROM operations_operationrow WHERE operation_id = %s AND state = 'done'
"""


def store_ids(operation: Operation, ids: Sequence[int]) -> int:
    """How many rows there are now."""
    return insert(FROM_IDS, [operation.pk, list(ids)])


def store_matching(operation: Operation, queryset: QuerySet, *, most: int) -> int:
    """The rows of `queryset` in its order, at most `most`; how many."""
    try:
        sql, params = queryset.values_list("pk")[:most].query.sql_with_params()
    except EmptyResultSet:
        return 0
    return insert(FROM_QUERY.format(query=sql), [operation.pk, *params])


def store_done(operation: Operation, source: Operation, argument: str) -> int:
    """What `source` did; what each row changed becomes its `argument`."""
    return insert(FROM_DONE, [operation.pk, argument, source.pk])


def insert(statement: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount
