"""One row of a job at a time: held while it is worked on, and settled with the change it made, or not at all.

Plain statements, since a job runs them ten thousand times.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model

from controlplane.jobs.models import Job, JobRow, RowState

# A row may take so many workers with it.
MOST_LOSSES = 2
LOST = f"The worker ended {MOST_LOSSES} times while it worked on this, so it is not tried again."
HOLD = """
SELECT EXISTS (SELECT FROM {table} WHERE {pk} = jobs_jobrow.object_id) FROM jobs_jobrow
WHERE id = %s AND state = 'pending' FOR NO KEY UPDATE OF jobs_jobrow SKIP LOCKED
"""
SETTLE = "UPDATE jobs_jobrow SET state = %s, detail = %s, changed = %s::jsonb WHERE id = %s"
TRY = """
UPDATE jobs_jobrow SET attempts = attempts + 1,
    state = CASE WHEN attempts < %(most)s THEN state ELSE 'refused' END,
    detail = CASE WHEN attempts < %(most)s THEN detail ELSE %(lost)s END
WHERE id = (
    SELECT id FROM jobs_jobrow WHERE job_id = %(job)s AND state = 'pending' AND position > %(after)s
    ORDER BY position LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING id
"""


def waiting(job: Job, *, after: int, most: int) -> list[JobRow]:
    """The next rows behind position `after`. Going on there spares PostgreSQL the way through all that are done."""
    rows = JobRow.objects.filter(job=job.pk, state=RowState.PENDING, position__gt=after)
    return list(rows.order_by("position")[:most])


def hold(row: JobRow, subject: type[Model]) -> bool | None:
    """Keep others from it until the transaction ends; whether what it names exists. None when it is not to be had."""
    statement = HOLD.format(table=subject._meta.db_table, pk=subject._meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])
        found = cursor.fetchone()
    return None if found is None else found[0]


def settle(row: JobRow, state: str, detail: str, changed: Any) -> None:
    adapted = JobRow._meta.get_field("changed").get_db_prep_save(changed, connection)
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [state, detail, adapted, row.pk])


def try_next(job: Job, *, after: int) -> JobRow | None:
    """Count a try at the next row before it is worked on; one that was tried too often is refused by that."""
    with connection.cursor() as cursor:
        cursor.execute(TRY, {"most": MOST_LOSSES, "lost": LOST, "job": job.pk, "after": after})
        found = cursor.fetchone()
    return JobRow.objects.get(pk=found[0]) if found else None
