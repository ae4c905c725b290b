"""What the lists of tools, agents and instances show, on the page and as CSV."""

from __future__ import annotations

from django.db.models import Case, CharField, Value, When

from agents.models import Catalogued
from controlplane.listing.declaration.cells import badge, moment, row_link, tags
from controlplane.listing.declaration.columns import Column

STATE = Case(When(enabled=True, then=Value("enabled")), default=Value("disabled"), output_field=CharField())
HEALTH = Case(
    When(check_report__ok=True, then=Value("healthy")),
    When(check_report__ok=False, then=Value("unhealthy")),
    default=Value("unknown"),
    output_field=CharField(),
)


def linked_name(view: str):
    def value(row: Catalogued) -> str:
        return row_link(view, row, row.name)

    return value


def common(view: str) -> dict[str, Column]:
    return {
        "name": Column("name", "Name", value=linked_name(view), main=True, links_row=True, order="name"),
        "state": Column("state", "State", value=lambda row: badge("enabled" if row.enabled else "disabled"), csv=STATE),
        "description": Column("description", "Description", wrap=True, default=False),
        "tags": Column("tags", "Tags", value=lambda row: tags(row.tags)),
        "version_no": Column("version_no", "Version", align="end"),
        "max_concurrent": Column("max_concurrent", "At once", align="end", default=False),
        "updated_at": Column("updated_at", "Changed", value=lambda row: moment(row.updated_at), order="updated"),
        "updated_by": Column("updated_by", "Changed by"),
    }


KIND = Column("kind", "Kind", value=lambda row: row.get_kind_display())
ENGINE = Column("engine", "Engine", value=lambda row: row.get_engine_display())


def arranged(view: str, *after_name: Column) -> tuple[Column, ...]:
    name, *others = common(view).values()
    return (name, *after_name, *others)


TOOL_COLUMNS = arranged("agents:tool_detail", KIND)
AGENT_COLUMNS = arranged("agents:detail", KIND)
INSTANCE_COLUMNS = arranged(
    "agents:instance_detail",
    ENGINE,
    Column("address", "Address", wrap=True),
    Column("health", "Health", value=lambda row: badge(row.health), csv=HEALTH),
    Column("checked_at", "Checked", value=lambda row: moment(row.checked_at)),
)
