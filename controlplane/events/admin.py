"""Facts in the Django admin, to look at, never to change; and how reactions to them get on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from controlplane.domain.errors import ProblemError
from controlplane.events.models import Event, ReactionCursor, SetAside
from controlplane.events.reactions import actions as verbs
from controlplane.events.reactions import reading
from controlplane.events.reactions.declared import installed
from controlplane.events.reactions.metrics import MOST_COUNTED
from controlplane.projects.tenants.staff import ReadOnly, Scoped


@admin.register(Event)
class EventAdmin(Scoped, ReadOnly):
    list_display = ("at", "type", "subject_kind", "subject_id", "actor", "project")
    list_filter = ("project", "subject_kind")
    list_select_related = ("project",)
    search_fields = ("=subject_id",)
    search_help_text = "The number of the run or other subject."
    ordering = ("-id",)


def on_each(verb: Callable[..., None], description: str) -> Callable[..., None]:
    """An admin action: `verb` on every selected row, and what became of each."""

    @admin.action(description=description)
    def act(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
        for row in rows:
            try:
                verb(row, by=request.user.get_username())
            except ProblemError as problem:
                messages.error(request, f"{row}: {problem.detail}")
            else:
                messages.success(request, f"Done: {row}.")

    act.__name__ = verb.__name__
    return act


@admin.register(ReactionCursor)
class ReactionCursorAdmin(ReadOnly):
    """Of the whole installation: for superusers."""

    list_display = ("name", "waiting", "failures", "failing_id", "error", "next_try_at", "aside", "updated_at")
    actions = (
        on_each(verbs.try_now, "Try again now"),
        on_each(verbs.set_failing_aside, "Set aside the event that it fails at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(set_aside_count=Count("set_aside"))

    def waiting(self, row: ReactionCursor) -> str:
        reaction = installed.get(row.name)
        if reaction is None:
            return "not in this version"
        events, seconds = reading.lag([reaction], most=MOST_COUNTED)[row.name]
        return f"{events} for {seconds:.0f} s" if events else "0"

    @admin.display(description="last error")
    def error(self, row: ReactionCursor) -> str:
        return row.last_error.partition("\n")[0]

    @admin.display(description="set aside")
    def aside(self, row: Any) -> int:
        return row.set_aside_count


@admin.register(SetAside)
class SetAsideAdmin(ReadOnly):
    """Errors may tell of what is inside, so these are for superusers as well."""

    list_display = ("id", "reaction", "type", "event_id", "project", "error_line", "at")
    list_filter = ("reaction", "project")
    list_select_related = ("reaction", "project")
    fields = ("reaction", "project", "type", "event_id", "error", "at")
    actions = (on_each(verbs.react_again, "React again"),)

    @admin.display(description="error")
    def error_line(self, row: SetAside) -> str:
        return row.error.partition("\n")[0]
