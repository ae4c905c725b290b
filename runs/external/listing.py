"""The list of runs that execute elsewhere, for scripts: on the pages they stand among the others."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from agents.models import Agent, Environment
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.filters import (
    ChoicesFilter,
    ListFilterSet,
    RelatedFilter,
    SinceFilter,
    UntilFilter,
)
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing
from runs.list.columns import Milliseconds
from runs.list.filters import ALIASES, RunTags
from runs.models import Run, RunState, Trigger
from workflows.models import Workflow


class TaskFilters(ListFilterSet):
    status = ChoicesFilter(field_name="state", choices=RunState.choices, aliases=ALIASES, label="Status")
    task = RelatedFilter(field_name="workflow_id", related=lambda who: Workflow.objects.visible_to(who), label="Task")
    environment = ChoicesFilter(choices=Environment.choices, label="Environment")
    agent = RelatedFilter(field_name="agent_id", related=lambda who: Agent.objects.visible_to(who), label="Agent")
    tag = RunTags(field_name="tags", label="Tags")
    since = SinceFilter(field_name="created_at", label="Since")
    until = UntilFilter(field_name="created_at", label="Until")

    class Meta:
        model = Run
        fields: list[str] = []


def visible_tasks(who: Any) -> QuerySet[Run]:
    rows = Run.objects.visible_to(who).filter(trigger=Trigger.EXTERNAL)
    return rows.select_related("project", "workflow", "agent").defer(
        "inputs", "outputs", "definition", "pins", "agent__config"
    )


TASKS = Listing(
    noun="tasks",
    rows=visible_tasks,
    filters=TaskFilters,
    columns=[
        Column("id", "Run"),
        Column("task", "Task", csv="workflow__name"),
        Column("status", "Status", csv="state"),
        Column("environment", "Environment"),
        Column("tags", "Tags"),
        Column("created_at", "Created"),
        Column("started_at", "Started"),
        Column("finished_at", "Finished", csv="ended_at"),
        Column("duration_ms", "Duration", csv=Milliseconds("ended_at", "started_at")),
        Column("cost_usd", "Cost"),
        Column("created_by", "Reported by"),
    ],
    orders=(
        Order("-created", "Newest first", ("-created_at", "-id")),
        Order("created", "Oldest first", ("created_at", "id")),
    ),
)
