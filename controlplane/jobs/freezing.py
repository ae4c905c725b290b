"""The set that a job works on, written down once: what changes later changes nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.jobs.models import Job

FROM_IDS = """
INSERT INTO jobs_jobrow (job_id, position, object_id)
SELECT %s, position, id FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (id, position)
"""
# One statement for any number of rows; the ids never come here.
FROM_QUERY = """
INSERT INTO jobs_jobrow (job_id, position, object_id)
SELECT %s, row_number() OVER (), id FROM ({query}) AS found (id)
"""
FROM_DONE = """
INSERT INTO jobs_jobrow (job_id, position, object_id, arguments)
SELECT %s, row_number() OVER (ORDER BY position), object_id,
       CASE WHEN changed IS NOT NULL THEN jsonb_build_object(%s::text, changed) END
FROM jobs_jobrow WHERE job_id = %s AND state = 'done'
"""


def freeze_ids(job: Job, ids: Sequence[int]) -> int:
    """How many rows there are now."""
    return insert(FROM_IDS, [job.pk, list(ids)])


def freeze_matching(job: Job, queryset: QuerySet, *, most: int) -> int:
    """The rows of `queryset` in its order, at most `most`; how many."""
    try:
        sql, params = queryset.values_list("pk")[:most].query.sql_with_params()
    except EmptyResultSet:
        return 0
    return insert(FROM_QUERY.format(query=sql), [job.pk, *params])


def freeze_done(job: Job, source: Job, argument: str) -> int:
    """What `source` did; what each row changed becomes its `argument`."""
    return insert(FROM_DONE, [job.pk, argument, source.pk])


def insert(statement: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount
