"""Exports in the background: a job makes the file, with a manifest that says what is in it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.files import File
from django.http import QueryDict
from django.utils import timezone

from controlplane.domain.errors import ActionRefused
from controlplane.jobs.actions import start_job
from controlplane.jobs.actors import actor_of, owner_of
from controlplane.jobs.models import Job
from controlplane.jobs.work import Work
from controlplane.listing.columns import Column, chosen_columns
from controlplane.listing.counting import count_matching
from controlplane.listing.export_formats import FORMATS, Export
from controlplane.listing.known import find_listing
from controlplane.listing.reading import Reading
from controlplane.projects.actors import Actor
from controlplane.projects.models import Project

# Long enough for the next morning.
FILE_KEPT = timedelta(days=2)
# Nobody waits for the statement, and a million rows in a workbook take minutes.
STATEMENT_SECONDS = 3600
MOST_ATTEMPTS = 3
LOST = f"The worker ended {MOST_ATTEMPTS} times while it made this file, so it is not tried again."


def order_export(reading: Reading, format: str, columns: Sequence[Column], *, project: Project, by: Actor) -> Job:
    """The job, queued. Raises InvalidInput for filters or an order that are wrong."""
    # Whoever makes the file counts the rest of them.
    total = count_matching(reading.ordered, limit=FORMATS[format].at_once).value
    job = Job.objects.create(
        project=project, kind="export", subject=reading.listing.noun, action=format, label="Export", total=total,
        arguments={"query": query_of(reading), "columns": [column.name for column in columns]},
        expires_at=timezone.now() + FILE_KEPT, **owner_of(by),
    )  # fmt: skip
    return start_job(job, by=by)


def query_of(reading: Reading) -> str:
    """What the list is narrowed by now, whatever becomes of a saved view."""
    params = reading.params.copy()
    for name in ("view", "export", "cursor", "limit", "columns"):
        params.pop(name, None)
    return params.urlencode()


def carry_out(job: Job, work: Work) -> None:
    """From the first row again, whoever died over it before."""
    if job.attempts > MOST_ATTEMPTS:
        raise ActionRefused(LOST)
    query = QueryDict(job.arguments["query"])
    reading = reading_of(job, query)
    columns = chosen_columns(reading.listing.columns, job.arguments["columns"])
    export = Export(reading.ordered, columns, job.project.time_zone, STATEMENT_SECONDS, wanted=lambda: work.is_wanted)
    with tempfile.TemporaryFile() as file, work.beating(lambda: {"done": export.rows}):
        work.extend(total=reading.matching.count())
        digest, size = write(export, job.action, file, work)
        if not work.is_wanted:
            return
        manifest = manifest_of(job, query, export, digest, size)
        keep(job, file, manifest["file"])
    if not work.finish(done=export.rows, total=export.rows, file=job.file.name, manifest=manifest):
        job.file.storage.delete(str(job.file.name))


def reading_of(job: Job, query: QueryDict) -> Reading:
    """With the rights of now; the last day is that before the click, however long the job had to wait."""
    reading = Reading(find_listing(job.subject), query, who=actor_of(job), project=job.project)
    reading.filters.now = job.created_at
    return reading


def write(export: Export, format: str, file: Any, work: Work) -> tuple[str, int]:
    """(SHA-256, bytes)."""
    digest, size = hashlib.sha256(), 0
    for piece in export.pieces(format):
        file.write(piece)
        digest.update(piece)
        size += len(piece)
        if not work.is_wanted:
            break
    return digest.hexdigest(), size


def keep(job: Job, file: Any, name: str) -> None:
    file.seek(0)
    job.file.save(f"{job.pk}/{name}", File(file), save=False)


def manifest_of(job: Job, query: QueryDict, export: Export, digest: str, size: int) -> dict[str, Any]:
    return {
        "file": f"{job.project.slug}-{job.subject}-{timezone.now():%Y-%m-%d}.{job.action}",
        "list": job.subject,
        "filter": dict(query.lists()),
        "columns": export.names,
        "format": job.action,
        "user": job.created_by,
        "project": job.project.slug,
        "time_zone": export.zone if job.action == "xlsx" else "UTC",
        "rows": export.rows,
        "bytes": size,
        "sha256": digest,
        "made_at": timezone.now().isoformat(),
        "expires_at": job.expires_at.isoformat(),
    }
