"""Verbs on jobs. What a job does to its rows are the verbs of those rows."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from controlplane.domain.action import action
from controlplane.domain.errors import ActionRefused, NotAllowed, NotFound
from controlplane.domain.queueing import enqueue
from controlplane.domain.recording import record
from controlplane.jobs import events
from controlplane.jobs.actors import is_mine, owner_of
from controlplane.jobs.counting import count
from controlplane.jobs.freezing import freeze_done
from controlplane.jobs.models import JOB_LIVE, Job, JobRow, JobState, RowState
from controlplane.projects.actors import Actor

# Each row is a transaction of some milliseconds: so many are done while a person waits.
AT_ONCE = 200
KEPT = timedelta(days=30)


@action(label="Start", role="viewer", icon="play")
def start_job(job: Job, *, by: Actor, arguments: dict[str, object] | None = None) -> Job:
    """Let the work begin. Up to AT_ONCE rows the caller does by `work`; more are a worker's. Only a draft starts."""
    if not is_mine(job, by):
        raise NotFound("There is no such job.")
    given = {} if arguments is None else {"arguments": arguments}
    rows = Job.objects.filter(pk=job.pk, state=JobState.DRAFT)
    kept = {"expires_at": timezone.now() + KEPT} if job.kind == "bulk" else {}
    if not rows.update(state=JobState.QUEUED, rung_at=Now(), **kept, **given):
        raise ActionRefused("This was started already.")
    job.refresh_from_db()
    if in_background(job):
        record(events.STARTED, job, by=by, name=job.name)
        enqueue("controlplane.jobs.tasks.work_on", job.pk)
    return job


@action(label="Cancel", role="viewer", tone="danger", icon="cancel", confirm="Stop here? What is done stays done.")
def cancel_job(job: Job, *, by: Actor) -> Job:
    """Stop before the next row. Only whoever started it and administrators may."""
    refuse_strangers(job, by)
    live = Job.objects.filter(pk=job.pk, state__in=JOB_LIVE)
    if not live.update(state=JobState.CANCELLED, ended_at=Now(), message=f"{by.name} cancelled it."[:500]):
        raise ActionRefused("This job has ended already.")
    if job.kind == "bulk":
        JobRow.objects.filter(job=job, state=RowState.PENDING).update(state=RowState.SKIPPED)
        count(job.pk)
    job.refresh_from_db()
    record(events.CANCELLED, job, by=by, name=job.name)
    return job


@action(label="Undo", role="viewer", icon="history", confirm="Take back what this changed?")
def undo_job(job: Job, *, by: Actor) -> Job:
    """A new job that takes back what this one really changed, row by row. Refused when it is too late."""
    refuse_strangers(job, by)
    job = Job.objects.select_for_update(of=["self"]).select_related("project").get(pk=job.pk)
    if not job.can_be_undone:
        raise ActionRefused("This cannot be undone, or not any more.")
    undo = Job.objects.create(
        project=job.project, kind=job.kind, subject=job.subject, action=job.undo_action, undo_of=job,
        label=f"Undo {job.label.lower()} for", expires_at=timezone.now() + KEPT, **owner_of(by),
    )  # fmt: skip
    undo.total = freeze_done(undo, job, next(iter(job.arguments), ""))
    undo.save(update_fields=["total"])
    record(events.UNDONE, job, by=by, name=job.name)
    return start_job(undo, by=by)


def refuse_strangers(job: Job, by: Actor) -> None:
    if not (is_mine(job, by) or by.may("admin", job.project)):
        raise NotAllowed("Only whoever started this, and administrators, may do that.")


def in_background(job: Job) -> bool:
    return job.total > AT_ONCE or job.kind != "bulk"
