"""Every second: ring again for what nobody has, and forget what is old."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane.domain.queueing import ring
from controlplane.jobs.models import JOB_LIVE, Job

RING_AGAIN = """
UPDATE jobs_job SET rung_at = now() WHERE id IN (
    SELECT id FROM jobs_job
    WHERE (state = 'queued' OR (state = 'running' AND lease_until < now()))
      AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))
    ORDER BY rung_at NULLS FIRST LIMIT 100 FOR UPDATE SKIP LOCKED
) RETURNING id
"""
AT_ONCE = 20


def ring_for_jobs() -> int:
    """How many jobs had nobody: their bell was lost, or their worker."""
    with connection.cursor() as cursor:
        cursor.execute(RING_AGAIN, [settings.ENGINE_RING_AGAIN_SECONDS])
        ids = [pk for (pk,) in cursor.fetchall()]
    return len(ids) if all(ring("controlplane.jobs.tasks.work_on", pk) for pk in ids) else 0


def forget_old_jobs() -> int:
    """Delete what expired; how many."""
    old = Job.objects.filter(expires_at__lt=timezone.now()).exclude(state__in=JOB_LIVE).order_by("expires_at")
    jobs = list(old[:AT_ONCE])
    for job in jobs:
        if job.file:
            job.file.delete(save=False)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).delete()
    return len(jobs)
