"""Exports in the background: an operation makes the file, with a manifest that says what is in it."""

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
from controlplane.listing.declaration.columns import Column, chosen_columns
from controlplane.listing.declaration.registry import find_listing
from controlplane.listing.export.formats import FORMATS, Export
from controlplane.listing.reading.counting import count_matching
from controlplane.listing.reading.request import Reading
from controlplane.operations.actions import start_operation
from controlplane.operations.carrying.actors import actor_of, owner_of
from controlplane.operations.carrying.work import Work
from controlplane.operations.models import Operation
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import Actor

# Long enough for the next morning.
FILE_KEPT = timedelta(days=2)
# Nobody waits for the statement, and a million rows in a workbook take minutes.
STATEMENT_SECONDS = 3600
MOST_ATTEMPTS = 3
LOST = f"The worker ended {MOST_ATTEMPTS} times while it made this file, so it is not tried again."


def order_export(reading: Reading, format: str, columns: Sequence[Column], *, project: Project, by: Actor) -> Operation:
    """The operation, queued. Raises InvalidInput for filters or an order that are wrong."""
    # Whoever makes the file counts the rest of them.
    total = count_matching(reading.ordered, limit=FORMATS[format].at_once).value
    operation = Operation.objects.create(
        project=project, kind="export", subject=reading.listing.noun, action=format, label="Export", total=total,
        arguments={"query": query_of(reading), "columns": [column.name for column in columns]},
        expires_at=timezone.now() + FILE_KEPT, **owner_of(by),
    )  # fmt: skip
    return start_operation(operation, by=by)


def query_of(reading: Reading) -> str:
    """What the list is narrowed by now, whatever becomes of a saved view."""
    params = reading.params.copy()
    for name in ("view", "export", "cursor", "limit", "columns"):
        params.pop(name, None)
    return params.urlencode()


def make_file(operation: Operation, work: Work) -> None:
    """From the first row again, whoever died over it before."""
    if operation.attempts > MOST_ATTEMPTS:
        raise ActionRefused(LOST)
    query = QueryDict(operation.arguments["query"])
    reading = reading_of(operation, query)
    columns = chosen_columns(reading.listing.columns, operation.arguments["columns"])
    export = Export(
        reading.ordered, columns, operation.project.time_zone, STATEMENT_SECONDS, wanted=lambda: work.is_wanted
    )
    with tempfile.TemporaryFile() as file, work.beating(lambda: {"done": export.rows}):
        work.extend(total=reading.matching.count())
        digest, size = write(export, operation.action, file, work)
        if not work.is_wanted:
            return
        manifest = manifest_of(operation, query, export, digest, size)
        attach_file(operation, file, manifest["file"])
    if not work.finish(done=export.rows, total=export.rows, file=operation.file.name, manifest=manifest):
        operation.file.storage.delete(str(operation.file.name))


def reading_of(operation: Operation, query: QueryDict) -> Reading:
    """With the rights of now; the last day is that before the click, however long the operation had to wait."""
    reading = Reading(find_listing(operation.subject), query, who=actor_of(operation), project=operation.project)
    reading.filters.now = operation.created_at
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


def attach_file(operation: Operation, file: Any, name: str) -> None:
    """Stores it without saving the row: `finish` writes the name together with the end."""
    file.seek(0)
    operation.file.save(f"{operation.pk}/{name}", File(file), save=False)


def manifest_of(operation: Operation, query: QueryDict, export: Export, digest: str, size: int) -> dict[str, Any]:
    """What `GET /operations/ID` has as `manifest`; `digest` is SHA-256 in hex, `size` in bytes."""
    return {
        "file": f"{operation.project.slug}-{operation.subject}-{timezone.now():%Y-%m-%d}.{operation.action}",
        "list": operation.subject,
        "filter": dict(query.lists()),
        "columns": export.names,
        "format": operation.action,
        "user": operation.created_by,
        "project": operation.project.slug,
        "time_zone": export.zone if operation.action == "xlsx" else "UTC",
        "rows": export.rows,
        "bytes": size,
        "sha256": digest,
        "made_at": timezone.now().isoformat(),
        "expires_at": operation.expires_at.isoformat(),
    }
