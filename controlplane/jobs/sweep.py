"""Every second: ring again for what nobody has, and forget what is old."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.domain.queueing import Task, ring, waiting
from controlplane.jobs.models import JOB_LIVE, Job, JobState

RING_AGAIN = """
UPDATE jobs_job SET rung_at = now() WHERE id IN (
    SELECT id FROM jobs_job
    WHERE (state = 'queued' OR (state = 'running' AND lease_until < now()))
      AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))
    ORDER BY rung_at NULLS FIRST LIMIT 100 FOR UPDATE SKIP LOCKED
) RETURNING id
"""
AT_ONCE = 20
# A second's sweep has more to do than to delete.
ROWS_AT_ONCE = 100_000


def ring_for_jobs() -> int:
    """How many jobs had nobody: their bell was lost, or their worker."""
    with connection.cursor() as cursor:
        cursor.execute(RING_AGAIN, [settings.ENGINE_RING_AGAIN_SECONDS])
        ids = [pk for (pk,) in cursor.fetchall()]
    return len(ids) if all(ring("controlplane.jobs.tasks.work_on", pk) for pk in ids) else 0


def forget_old_jobs() -> int:
    """Delete what expired, with its files; how many. A preview that is confirmed at this moment stays."""
    old = Job.objects.filter(expires_at__lt=timezone.now()).exclude(state__in=JOB_LIVE).order_by("expires_at")
    jobs = some_of(old[:AT_ONCE])
    with transaction.atomic():
        still = old.filter(pk__in=[job.pk for job in jobs]).select_for_update(skip_locked=True)
        ids = list(still.values_list("pk", flat=True))
        Job.objects.filter(pk__in=ids).delete()
    return len(ids)


def some_of(jobs: Iterable[Job]) -> list[Job]:
    """The first ones, with not many more rows than ROWS_AT_ONCE together."""
    some, rows = [], 0
    for job in jobs:
        some.append(job)
        rows += job.total if job.kind == "bulk" else 0
        if rows >= ROWS_AT_ONCE:
            break
    return some


@waiting
def jobs(queues: Collection[str], most: int) -> list[Task]:
    """Those whose message came to no worker, or whose worker is lost."""
    if "default" not in queues:
        return []
    late = timezone.now() - timedelta(seconds=settings.ENGINE_PULL_AFTER_SECONDS)
    free = Q(state=JobState.QUEUED, created_at__lt=late) | Q(state=JobState.RUNNING, lease_until__lt=late)
    ids = Job.objects.filter(free).order_by("created_at").values_list("pk", flat=True)[:most]
    return [("controlplane.jobs.tasks.work_on", (pk,)) for pk in ids]
