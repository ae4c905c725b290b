"""Finding the versions of a workflow by what people call them."""

from __future__ import annotations

from controlplane.domain.errors import NotFound
from controlplane.listing.declaration.fields import is_number
from workflows.models import Version, VersionState, Workflow


def find_version(workflow: Workflow, name: str) -> Version:
    """The version called `name`: its number, `draft` or `current`. Raises NotFound."""
    rows = workflow.versions.select_related("workflow__project")
    if name == "draft":
        found = rows.filter(state=VersionState.DRAFT).first()
    elif name == "current":
        found = rows.filter(pk=workflow.current_id or 0).first()
    else:
        found = rows.filter(number=int(name)).first() if is_number(name, 9) else None
    if found is None:
        raise NotFound(f"{workflow.name} has no version {name[:20]}.")
    return found


def find_exported(workflow: Workflow, name: str) -> Version:
    """The version called `name`; without one the released one, or the draft before the first release."""
    return find_version(workflow, name or ("current" if workflow.current_id else "draft"))
