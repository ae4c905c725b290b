"""What the list of workflows shows, on the page and as CSV."""

from __future__ import annotations

from django.db.models import Case, CharField, Value, When
from django.db.models.fields.json import KeyTextTransform

from controlplane.listing.columns import Column
from workflows.filters import STATES

STATE = Case(*[When(query, then=Value(name)) for name, query in STATES.items()], output_field=CharField())

COLUMNS = (
    Column("name", "Name", template="workflows/cells/name.html", main=True, order="name"),
    Column("state", "State", template="workflows/cells/state.html", csv=STATE),
    Column("version", "Version", template="workflows/cells/version.html", csv="current__number"),
    Column("description", "Description", template="workflows/cells/description.html", csv="description", wrap=True),
    Column("tags", "Tags", template="workflows/cells/tags.html", csv="tags"),
    Column("last_run", "Last run", template="workflows/cells/last_run.html", csv=KeyTextTransform("state", "last_run")),
    Column("updated_at", "Changed", template="workflows/cells/updated.html", csv="updated_at", order="updated"),
    Column("updated_by", "Changed by", default=False),
    Column("created_at", "Created", template="workflows/cells/created.html", csv="created_at", default=False),
)
