"""What a list page answers to its export menu: the download, or for long ones the way to a file made meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header

from controlplane.domain.errors import InvalidInput
from controlplane.listing.declaration.columns import Column
from controlplane.listing.export.formats import FORMATS, Export, Format
from controlplane.listing.export.streaming import Stream
from controlplane.listing.export.work import order_export
from controlplane.listing.reading.counting import count_matching
from controlplane.listing.reading.request import Reading
from controlplane.projects.models import Project
from controlplane.ui.request import PortalRequest


def find_format(name: str, field: str = "export") -> Format:
    """Raises InvalidInput."""
    if name not in FORMATS:
        raise InvalidInput.field(field, f"Choose one of {', '.join(FORMATS)}.", "choice")
    return FORMATS[name]


def export_page(request: PortalRequest, reading: Reading, page: Any) -> HttpResponseBase:
    """GET `?export=xlsx`."""
    name = request.GET["export"]
    format = find_format(name)
    if count_matching(reading.matching, limit=format.at_once).is_capped:
        context = {"page": page, "format": format, "name": name, "here": request.get_full_path()}
        return render(request, "listing/export_page.html", context)
    return download(reading, name)


def order_page(request: PortalRequest, reading: Reading) -> HttpResponse:
    """POST `export=xlsx`: the file is made in the background."""
    name = request.POST["export"]
    find_format(name)
    operation = order_export(reading, name, exported_columns(reading), project=request.project, by=request.member)
    return redirect("operations:detail", project=request.project.slug, pk=operation.pk)


def exported_columns(reading: Reading) -> list[Column]:
    """Those the list shows now, without the ones that have nothing to write into a file."""
    return [column for column in reading.columns if column.source is not None]


def download(reading: Reading, name: str, columns: Sequence[Column] | None = None) -> StreamingHttpResponse:
    """Every row that matches, with `columns` or those chosen. Raises Unavailable while too many exports run."""
    zone = reading.project.time_zone if reading.project else "UTC"
    export = Export(reading.ordered, columns or exported_columns(reading), zone)
    return as_file(export, name, name_of(reading.project, reading.listing.noun, name))


def as_file(export: Export, name: str, file_name: str) -> StreamingHttpResponse:
    """`export` in the format `name`, made while it is sent. Raises Unavailable while too many exports run."""
    response = StreamingHttpResponse(Stream(export.pieces(name)), content_type=FORMATS[name].content_type)
    response["Content-Disposition"] = content_disposition_header(True, file_name)
    response["X-Accel-Buffering"] = "no"
    return response


def name_of(project: Project | None, noun: str, format: str) -> str:
    """`acme-runs-2026-01-31.xlsx`."""
    parts = [project.slug if project else "", noun, f"{timezone.now():%Y-%m-%d}"]
    return f"{'-'.join(filter(None, parts))}.{format}"
