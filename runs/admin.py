"""Runs and what belongs to them in the Django admin: to look at, and to control by the same actions as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import ProblemError
from controlplane.projects.tenants.actors import Access
from controlplane.projects.tenants.staff import ReadOnly, Scoped
from controlplane.ui.states import look_of
from runs import actions as verbs
from runs.models import Artifact, Attempt, LogChunk, Run, StepRun, Worker

# Counting further would read the whole table; who looks for older rows filters or searches by id.
MOST_COUNTED = 10_000
# One request at a time, each row with its own outcome on the page.
MOST_AT_ONCE = 500


class ShortCount(Paginator):
    """Pages of the newest rows; it never counts further than MOST_COUNTED."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[:MOST_COUNTED].count()


class LargeTable(Scoped, ReadOnly):
    """A table that may have millions of rows: newest first, found by id, without its large columns."""

    paginator = ShortCount
    list_per_page = 50
    # Facets count every choice of every filter over the whole table.
    show_facets = admin.ShowFacets.NEVER
    ordering: ClassVar[Any] = ("-id",)
    search_fields: ClassVar[tuple[str, ...]] = ("id__exact",)
    search_help_text = "The id."
    large: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer(*self.large)


def on_each(verb: AnyAction) -> Callable[..., None]:
    """An admin action: `verb` on every selected run as this person, and what became of each."""

    @admin.action(description=verb.label)
    def act(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        runs = list(queryset.select_related("project", "workflow", "version", "agent")[: MOST_AT_ONCE + 1])
        if len(runs) > MOST_AT_ONCE:
            messages.error(request, f"Choose at most {MOST_AT_ONCE} runs at once, or use the portal's own list.")
            return
        access = Access.of_user(request.user)
        for run in runs:
            level, text = outcome(verb, run, access)
            messages.add_message(request, level, f"{run}: {text}")

    act.__name__ = verb.name
    return act


def outcome(verb: AnyAction, run: Run, access: Access) -> tuple[int, str]:
    """Message level and words."""
    try:
        made = verb(run, by=access.actor_in(run.project_id))
    except ProblemError as problem:
        return messages.ERROR, problem.detail
    if made.pk != run.pk:
        return messages.SUCCESS, f"started again as {made}."
    return messages.SUCCESS, f"{verb.label.lower()} asked for; it is {made.get_state_display().lower()} now."


@admin.register(Run)
class RunAdmin(LargeTable):
    list_display = (
        "id",
        "workflow",
        "project",
        "status",
        "environment",
        "trigger",
        "created_by",
        "created_at",
        "ended_at",
    )
    list_filter = ("state", "environment", "trigger", "project")
    list_select_related = ("workflow", "project")
    ordering = ("-created_at", "-id")
    large = ("inputs", "outputs", "definition", "pins", "error")

    @admin.display(ordering="state")
    def status(self, run: Run) -> str:
        """The same word as in the portal."""
        return look_of(run).label

    actions = tuple(on_each(verb) for verb in (verbs.cancel_run, verbs.pause_run, verbs.resume_run, verbs.retry_run))


@admin.register(StepRun)
class StepRunAdmin(LargeTable):
    project_field = "run__project_id"
    list_display = ("id", "run_id", "key", "index", "uses", "state", "attempt_no", "worker", "started_at", "ended_at")
    list_filter = ("state",)
    search_fields = ("id__exact", "run__id__exact")
    search_help_text = "The id of the step or of its run."
    large = ("item", "request", "output", "error", "progress")


@admin.register(Attempt)
class AttemptAdmin(LargeTable):
    project_field = "run__project_id"
    list_display = ("id", "run_id", "step_id", "number", "state", "worker", "started_at", "ended_at")
    search_fields = ("id__exact", "step__id__exact", "run__id__exact")
    search_help_text = "The id of the attempt, of its step or of its run."
    large = ("error",)


@admin.register(LogChunk)
class LogChunkAdmin(LargeTable):
    project_field = "run__project_id"
    list_display = ("id", "run_id", "step_id", "attempt_no", "first_line", "count")
    search_fields = ("run__id__exact",)
    search_help_text = "The id of the run."
    large = ("lines",)


@admin.register(Artifact)
class ArtifactAdmin(LargeTable):
    project_field = "run__project_id"
    list_display = ("id", "run_id", "step_id", "name", "content_type", "size", "created_at")
    search_fields = ("id__exact", "run__id__exact")
    search_help_text = "The id of the artifact or of its run."


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    """Of the whole installation: for superusers."""

    list_display = ("name", "queue", "slots", "busy", "started_at", "seen_at")
