"""What the list of workflows shows, on the page and as CSV."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, CharField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.listing.declaration import cells
from controlplane.listing.declaration.columns import Column
from workflows.library.filters import STATES
from workflows.models import Workflow

STATE = Case(*[When(query, then=Value(name)) for name, query in STATES.items()], output_field=CharField())


def name_cell(row: Workflow) -> SafeString:
    return cells.row_link("workflows:detail", row, row.name)


def version_cell(row: Workflow) -> object:
    number = f"v{row.current.number}" if row.current else ""
    return format_html("{} {}", number, cells.badge("draft")) if row.has_draft and number else number


def last_run_cell(row: Workflow) -> object:
    if not row.last_run:
        return ""
    at = datetime.fromisoformat(row.last_run["created_at"])
    return format_html("{} {}", cells.badge(row.last_run["state"]), cells.moment(at))


COLUMNS = (
    Column("name", "Name", value=name_cell, main=True, links_row=True, order="name"),
    Column("state", "State", value=lambda row: cells.badge(row.state), csv=STATE),
    Column("version", "Version", value=version_cell, csv="current__number"),
    Column("description", "Description", value=lambda row: cells.one_line(row.description), wrap=True),
    Column("tags", "Tags", value=lambda row: cells.tags(row.tags)),
    Column("last_run", "Last run", value=last_run_cell, csv=KeyTextTransform("state", "last_run")),
    Column("updated_at", "Changed", value=lambda row: cells.moment(row.updated_at), order="updated"),
    Column("updated_by", "Changed by", default=False),
    Column("created_at", "Created", value=lambda row: cells.moment(row.created_at), default=False),
)
