"""Tools, agents and instances in the Django admin: to look at, to switch and to delete, by the same actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from agents import actions as verbs
from agents.models import Agent, Instance, Revision, Slot, Tool
from agents.trials.asking import ask
from controlplane.domain.errors import ProblemError
from controlplane.projects.tenants.actors import Access
from controlplane.projects.tenants.staff import ReadOnly, Scoped


class CatalogueAdmin(Scoped, ReadOnly):
    """Rows are written by actions only."""

    list_display: tuple[str, ...] = ("name", "project", "enabled", "version_no", "updated_at", "updated_by")
    list_filter = ("enabled", "project")
    search_fields = ("name", "description")
    list_select_related = ("project",)
    actions: tuple[str, ...] = ("enable_selected", "disable_selected", "delete_rows")
    remove: Callable[..., None]

    @admin.action(description="Enable")
    def enable_selected(self, request: HttpRequest, queryset: Any) -> None:
        self.act(request, queryset, verbs.enable)

    @admin.action(description="Disable")
    def disable_selected(self, request: HttpRequest, queryset: Any) -> None:
        self.act(request, queryset, verbs.disable)

    @admin.action(description="Delete what nothing uses")
    def delete_rows(self, request: HttpRequest, queryset: Any) -> None:
        self.act(request, queryset, type(self).remove)

    def act(self, request: HttpRequest, queryset: Any, verb: Callable[..., Any], done: str = "done") -> None:
        """`verb` on each row as this person, with an outcome for each."""
        access = Access.of_user(request.user)
        for row in queryset.select_related("project"):
            try:
                verb(row, by=access.actor_in(row.project_id))
                messages.success(request, f"{row.name}: {done}")
            except ProblemError as problem:
                messages.error(request, f"{row.name}: {problem.detail}")


@admin.register(Tool)
class ToolAdmin(CatalogueAdmin):
    list_display = ("name", "kind", *CatalogueAdmin.list_display[1:])
    remove = verbs.delete_tool


@admin.register(Agent)
class AgentAdmin(CatalogueAdmin):
    list_display = ("name", "kind", *CatalogueAdmin.list_display[1:])
    remove = verbs.delete_agent


@admin.register(Instance)
class InstanceAdmin(CatalogueAdmin):
    list_display = ("name", "engine", "address", *CatalogueAdmin.list_display[1:])
    exclude = ("sealed_url",)
    actions = ("try_selected", *CatalogueAdmin.actions)
    remove = verbs.delete_instance

    @admin.action(description="Test the connection")
    def try_selected(self, request: HttpRequest, queryset: Any) -> None:
        self.act(request, queryset, lambda row, by: ask(row, given={}, by=by), "a worker tests it now")


@admin.register(Revision)
class RevisionAdmin(Scoped, ReadOnly):
    list_display = ("__str__", "number", "created_at", "created_by")
    list_select_related = ("tool", "agent")

    def visible(self, request: Any, rows: Any) -> QuerySet:
        ids = request.access.project_ids
        return rows.filter(Q(tool__project__in=ids) | Q(agent__project__in=ids))


@admin.register(Slot)
class SlotAdmin(ReadOnly):
    """Of the whole installation: for superusers."""

    list_display = ("key", "in_use", "capacity")
