"""Runs in the search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from controlplane.listing.declaration.filters import is_id
from controlplane.portal.hits import EACH, Hit
from controlplane.ui.states import look_of
from runs.list.filters import tagged
from runs.models import Run

SHOWN = ("state", "attention_since", "project", "workflow")


def find_runs(who: Any, text: str) -> Iterator[Hit]:
    """The run of that number; else the newest with this tag."""
    number = text.removeprefix("#")
    if not number:
        return
    rows = Run.objects.visible_to(who).select_related("project", "workflow").only(*SHOWN)
    found = rows.filter(pk=int(number)) if is_id(number) else rows.filter(tagged(rows, [text]))
    for run in found.order_by("-created_at", "-id")[:EACH]:
        url = reverse("runs:detail", args=[run.project.slug, run.pk])
        note = f"{run.workflow.name}, {look_of(run).label.lower()}"
        yield Hit("run", "run", f"Run {run.pk}", note, url, run.pk, run.project.slug)
