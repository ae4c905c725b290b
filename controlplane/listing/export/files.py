"""The files that exports made, sent in pieces: over ASGI a plain file response would be read into memory first."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from controlplane.domain.errors import ActionRefused, NotFound
from controlplane.listing.export.formats import FORMATS, PIECE_BYTES, Pieces
from controlplane.listing.export.streaming import Stream
from controlplane.operations.models import Operation
from controlplane.ui.request import PortalRequest


def find_export(operations: QuerySet[Operation], pk: int) -> Operation:
    """Raises NotFound, also for an operation that makes no file; ActionRefused while it is not there yet."""
    operation = operations.filter(kind="export", pk=pk, expires_at__gt=timezone.now()).first()
    if operation is None:
        raise NotFound("There is no such export, or not any more.")
    if not operation.file:
        raise ActionRefused("The file is not there yet, or never will be.")
    if not operation.file.storage.exists(str(operation.file.name)):
        raise NotFound("The file is not in the storage any more.")
    return operation


@require_safe
def file(request: PortalRequest, pk: int) -> StreamingHttpResponse:
    return file_response(find_export(Operation.objects.visible_to(request.member), pk))


@require_safe
def manifest(request: PortalRequest, pk: int) -> JsonResponse:
    """Filter, user, time zone, rows and SHA-256 of the file."""
    operation = find_export(Operation.objects.visible_to(request.member), pk)
    facts = manifest_of(operation)
    name = f"{facts['file']}.manifest.json"
    headers = {"Content-Disposition": content_disposition_header(True, name)}
    return JsonResponse(facts, headers=headers, json_dumps_params={"indent": 2})


def file_response(operation: Operation) -> StreamingHttpResponse:
    """Raises Unavailable while too many exports run."""
    response = StreamingHttpResponse(Stream(pieces_of(operation)), content_type=FORMATS[operation.action].content_type)
    response["Content-Disposition"] = content_disposition_header(True, manifest_of(operation)["file"])
    response["X-Accel-Buffering"] = "no"
    return response


def manifest_of(operation: Operation) -> dict[str, Any]:
    """An export has it as soon as it has its file."""
    return operation.manifest or {}


def pieces_of(operation: Operation) -> Pieces:
    with operation.file.open("rb") as stored:
        while piece := stored.read(PIECE_BYTES):
            yield piece
