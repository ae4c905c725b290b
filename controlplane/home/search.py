"""Where one may go from anywhere: pages, things to begin, and objects by name or number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from agents.models import Agent, Instance, Tool
from controlplane.listing.filters import is_id
from controlplane.ui.navigation import sections_for
from controlplane.ui.request import PortalRequest
from runs.filters import tagged
from runs.models import Run
from workflows.models import Workflow

EACH, LETTERS = 5, 100
CATALOGUE: tuple[tuple[str, Any, str], ...] = (
    ("workflow", Workflow, "workflows:detail"),
    ("agent", Agent, "agents:detail"),
    ("tool", Tool, "agents:tool_detail"),
    ("instance", Instance, "agents:instance_detail"),
)
# (label, icon, view, the least role)
BEGINNINGS = (
    ("Start a run", "run", "runs:new", "operator"),
    ("Compare runs", "columns", "runs:compare", "viewer"),
    ("New workflow", "workflow", "workflows:new", "editor"),
    ("New agent", "agent", "agents:new", "editor"),
    ("New tool", "tool", "agents:tool_new", "editor"),
    ("New instance", "instance", "agents:instance_new", "editor"),
)


@dataclass(frozen=True)
class Hit:
    """One place. `kind` is page, action, run, workflow, agent, tool or instance; `id` None for the first two."""

    kind: str
    icon: str
    label: str
    note: str
    url: str
    id: int | None = None
    project: str = ""


def cleaned(text: str) -> str:
    return text.replace("\x00", "").strip()[:LETTERS]


def groups_for(request: PortalRequest, text: str) -> list[tuple[str, list[Hit]]]:
    """(title, places) that `text` finds in this project; without text the pages and what can be begun."""
    found = {
        "Runs": list(runs(request.member, text)),
        "Objects": list(objects(request.member, text)),
        "Pages": [hit for hit in pages(request) if text.lower() in hit.label.lower()],
        "Actions": [hit for hit in beginnings(request) if text.lower() in hit.label.lower()],
    }
    return [(title, hits) for title, hits in found.items() if hits]


def find_objects(who: Any, text: str) -> list[Hit]:
    """Runs and definitions of everything that `who` may see."""
    return [*runs(who, text), *objects(who, text)]


def pages(request: PortalRequest) -> Iterator[Hit]:
    for _, links in sections_for(request):
        for link in links:
            yield Hit("page", link.icon, link.label, "", link.url)


def beginnings(request: PortalRequest) -> Iterator[Hit]:
    for label, icon, view, role in BEGINNINGS:
        if request.member.may(role):
            yield Hit("action", icon, label, "", reverse(view, args=[request.project.slug]))


def runs(who: Any, text: str) -> Iterator[Hit]:
    """The run of that number; else the newest with this tag."""
    number = text.removeprefix("#")
    if not number:
        return
    rows = Run.objects.visible_to(who).select_related("project", "workflow").only("state", "project", "workflow")
    found = rows.filter(pk=int(number)) if is_id(number) else rows.filter(tagged(rows, [text]))
    for run in found.order_by("-created_at", "-id")[:EACH]:
        url = reverse("runs:detail", args=[run.project.slug, run.pk])
        note = f"{run.workflow.name}, {run.get_state_display().lower()}"
        yield Hit("run", "run", f"Run {run.pk}", note, url, run.pk, run.project.slug)


def objects(who: Any, text: str) -> Iterator[Hit]:
    for kind, model, view in CATALOGUE if text else ():
        rows = model._default_manager.visible_to(who).select_related("project").filter(name__icontains=text)
        for row in rows.only("name", "project").order_by("name", "pk")[:EACH]:
            url = reverse(view, args=[row.project.slug, row.pk])
            yield Hit(kind, kind, row.name, kind.capitalize(), url, row.pk, row.project.slug)
