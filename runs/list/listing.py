"""The list of runs: one declaration for the page, the API, the CSV and bulk actions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from controlplane.events.queries import latest_cursor
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.declaration.tabs import Tab, Tabs
from controlplane.listing.page.page import Empty, ListPage
from runs.actions import add_tags, cancel_run, delete_run, pause_run, remove_tags, resume_run, retry_run
from runs.list.columns import COLUMNS
from runs.list.filters import RunFilters
from runs.models import NEEDS_ATTENTION, Run, RunState

# All that the columns and the JSON need: a page reads no wide column and no whole neighbour.
SHOWN = (
    *(
        "project__slug",
        "workflow__name",
        "version__number",
        "agent__name",
        "state",
        "attention_since",
        "environment",
        "trigger",
        "tags",
    ),
    *("created_by", "created_at", "started_at", "ended_at", "cost_usd"),
    *("input_tokens", "output_tokens", "error", "retry_of"),
)


def visible_runs(who: Any) -> QuerySet[Run]:
    return Run.objects.visible_to(who).select_related("project", "workflow", "version", "agent").only(*SHOWN)


STATES = Tabs(
    "status",
    (
        Tab("Queued", (RunState.QUEUED,)),
        Tab("Running", (RunState.RUNNING, RunState.STOPPING)),
        Tab("Needs attention", (NEEDS_ATTENTION,)),
        Tab("Waiting", (RunState.WAITING_APPROVAL, RunState.PAUSED)),
        Tab("Succeeded", (RunState.SUCCEEDED, RunState.PARTIALLY_SUCCEEDED)),
        Tab("Failed", (RunState.FAILED, RunState.TIMED_OUT), columns=("error",)),
        Tab("Cancelled", (RunState.CANCELLED,)),
    ),
)
RUNS = Listing(
    noun="runs",
    rows=visible_runs,
    filters=RunFilters,
    columns=COLUMNS,
    orders=(
        Order("-created", "Newest first", ("-created_at", "-id")),
        Order("created", "Oldest first", ("created_at", "id")),
    ),
    tabs=STATES,
    bulk_actions=(retry_run, pause_run, resume_run, add_tags, remove_tags, cancel_run, delete_run),
)


class RunList(ListPage):
    listing = RUNS
    title = "Runs"
    icon = "run"
    live = "run."
    template_name = "runs/list.html"
    empty = Empty("No runs yet", "A run executes a workflow's released version.", "New run", "runs:new")

    def extra_context(self) -> dict[str, Any]:
        return {"cursor": latest_cursor, "may_start": self.request.member.may("operator")}
