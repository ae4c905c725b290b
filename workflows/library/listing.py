"""The list of workflows, declared once."""

from __future__ import annotations

from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing
from workflows.actions import add_tags, archive_workflow, delete_workflow, remove_tags, unarchive_workflow
from workflows.library.columns import COLUMNS
from workflows.library.filters import WorkflowFilter
from workflows.models import Workflow


def visible_workflows(who):
    return Workflow.objects.for_list().visible_to(who)


WORKFLOWS = Listing(
    noun="workflows",
    layouts=("list", "grid"),
    rows=visible_workflows,
    filters=WorkflowFilter,
    columns=COLUMNS,
    orders=(
        Order("name", "Name", ("name", "id")),
        Order("-name", "Name, last first", ("-name", "-id")),
        Order("-updated", "Changed last", ("-updated_at", "-id")),
        Order("updated", "Changed first", ("updated_at", "id")),
    ),
    bulk_actions=(archive_workflow, unarchive_workflow, add_tags, remove_tags, delete_workflow),
)
