"""One run as a document, written piece by piece: its steps may hold more than fits into memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

from controlplane.projects.endpoints import shown
from runs import serializers as shapes
from runs.models import Run
from runs.queries import steps_of

STEPS_AT_ONCE = 100


def document_pieces(run: Run) -> Iterator[bytes]:
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
