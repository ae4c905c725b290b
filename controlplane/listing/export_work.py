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

from controlplane.jobs.actions import start_job
from controlplane.jobs.actors import actor_of, owner_of
from controlplane.jobs.models import Job
from controlplane.jobs.work import Work
from controlplane.listing.columns import Column, chosen_columns
from controlplane.listing.export_formats import Export
from controlplane.listing.known import find_listing
from controlplane.listing.reading import Reading
from controlplane.projects.actors import Actor
from controlplane.projects.models import Project

# Long enough for the next morning.
FILE_KEPT = timedelta(days=2)
# Nobody waits for the statement, and a million rows in a workbook take minutes.
STATEMENT_SECONDS = 3600


def order_export(reading: Reading, format: str, columns: Sequence[Column], *, project: Project, by: Actor) -> Job:
    """The job, queued. Raises InvalidInput for filters that are wrong."""
    total = reading.matching.count()
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
    listing = find_listing(job.subject)
    query = QueryDict(job.arguments["query"])
    reading = Reading(listing, query, who=actor_of(job), project=job.project)
    columns = chosen_columns(listing.columns, job.arguments["columns"])
    export = Export(reading.ordered, columns, job.project.time_zone, STATEMENT_SECONDS)
    with tempfile.TemporaryFile() as file, work.beating(lambda: {"done": export.rows}):
        digest, size = write(export, job.action, file, work)
        if not work.is_wanted:
            return
        keep(job, file, manifest_of(job, query, export, digest, size))
    work.finish(done=export.rows, total=export.rows)


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


def keep(job: Job, file: Any, manifest: dict[str, Any]) -> None:
    file.seek(0)
    job.file.save(f"{job.pk}/{manifest['file']}", File(file), save=False)
    job.manifest = manifest
    job.save(update_fields=["file", "manifest"])


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
