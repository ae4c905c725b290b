"""What leaves of a run: the whole as a document, piece by piece because its steps may hold much; a file it made."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from django.db.models.fields.json import KT
from django.http import FileResponse, StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder

from controlplane.domain.errors import NotFound
from controlplane.listing.declaration.columns import Column
from controlplane.listing.export.formats import Export
from controlplane.listing.export.page import as_file
from controlplane.projects.requests.endpoints import shown
from runs import serializers as shapes
from runs.list.columns import Milliseconds
from runs.models import Run
from runs.queries import steps_of

STEPS_AT_ONCE = 100
STEP_COLUMNS = [
    Column("key", "Step"),
    Column("index", "Item"),
    Column("uses", "Uses"),
    Column("stage", "Stage"),
    Column("status", "Status", csv="state"),
    Column("reused", "Reused"),
    Column("attempts", "Attempts", csv="attempt_no"),
    Column("queued_at", "Queued"),
    Column("started_at", "Started"),
    Column("ended_at", "Ended"),
    Column("duration_ms", "Duration", csv=Milliseconds("ended_at", "started_at")),
    Column("cost_usd", "Cost"),
    Column("input_tokens", "Input tokens"),
    Column("output_tokens", "Output tokens"),
    Column("worker", "Worker"),
    Column("error_type", "Error", csv=KT("error__type")),
    Column("error_message", "Message", csv=KT("error__message")),
]


def artifact_file(run: Run, pk: int) -> FileResponse:
    """The file itself, always as a download. Raises NotFound, also when the storage has lost it."""
    found = run.artifacts.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such artifact in this run.")
    try:
        return FileResponse(found.file.open("rb"), as_attachment=True, filename=found.name)
    except FileNotFoundError as error:
        raise NotFound(f"The storage of outputs does not hold “{found.name}” any more.") from error


def steps_file(run: Run, format: str) -> StreamingHttpResponse:
    """A row for each step and each of its items, as `csv` or `xlsx`. Raises Unavailable while too many exports run."""
    export = Export(run.steps.order_by("position", "index", "pk"), STEP_COLUMNS, run.project.time_zone)
    return as_file(export, format, f"run-{run.pk}-steps.{format}")


def document_pieces(run: Run) -> Generator[bytes, None, None]:
    """`{…the run, "steps": […], "artifacts": […]}`."""
    yield text_of(shown(shapes.RunDetail, run)).removesuffix("}").encode()
    steps = steps_of(run).defer(None).iterator(chunk_size=STEPS_AT_ONCE)
    yield from list_pieces("steps", (shown(shapes.StepRow, step) for step in steps))
    artifacts = run.artifacts.select_related("step").iterator()
    yield from list_pieces("artifacts", (shown(shapes.ArtifactRow, row) for row in artifacts))
    yield b"}\n"


def list_pieces(name: str, rows: Iterable[Any]) -> Iterator[bytes]:
    yield f',\n"{name}": ['.encode()
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{text_of(row)}".encode()
    yield b"]"


def text_of(value: Any) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False)
