"""Workflows and versions in the Django admin. What is written goes through the actions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.domain.errors import ProblemError
from controlplane.projects.tenants.staff import NothingByHand, Scoped, actor_for, on_each_row
from workflows import actions as verbs
from workflows.models import Version, Workflow


@admin.action(description="Release the draft")
def release(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
    on_each_row(request, rows, verbs.release_draft)


@admin.action(description="Archive")
def archive(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
    on_each_row(request, rows, verbs.archive_workflow)


@admin.action(description="Unarchive")
def unarchive(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
    on_each_row(request, rows, verbs.unarchive_workflow)


@admin.action(description="Delete those without runs")
def delete(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
    on_each_row(request, rows, verbs.delete_workflow)


@admin.action(description="Restore as draft")
def restore(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
    on_each_row(request, rows, verbs.restore_version)


@admin.register(Workflow)
class WorkflowAdmin(Scoped, NothingByHand):
    list_display = ("name", "project", "state", "current", "updated_at", "updated_by")
    list_filter = ("project", "archived_at")
    list_select_related = ("project", "current__workflow")
    search_fields = ("name", "description")
    actions = (release, archive, unarchive, delete)
    fields = ("project", "name", "description", "tags", "current", "edits", "created_at", "updated_at", "updated_by")
    readonly_fields = ("project", "current", "edits", "created_at", "updated_at", "updated_by")

    def save_model(self, request: HttpRequest, obj: Workflow, form: Any, change: bool) -> None:
        details = {name: getattr(obj, name) for name in ("name", "description", "tags")}
        try:
            verbs.update_workflow(obj, by=actor_for(request, obj), **details)
        except ProblemError as problem:
            self.message_user(request, problem.detail, messages.ERROR)


@admin.register(Version)
class VersionAdmin(Scoped, NothingByHand):
    """Only to be read: a draft is written in the editor, a released version never changes."""

    project_field = "workflow__project_id"

    list_display = ("workflow", "number", "state", "created_by", "released_at", "released_by", "note")
    list_filter = ("state",)
    list_select_related = ("workflow__project",)
    search_fields = ("workflow__name", "note")
    actions = (restore,)
    fields = (
        "workflow",
        "number",
        "state",
        "note",
        "format",
        "text",
        "uses",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "released_at",
        "released_by",
    )

    def has_change_permission(self, request: HttpRequest, obj: Version | None = None) -> bool:
        # Actions need it on the list; a single version opens read-only.
        return obj is None and super().has_change_permission(request, obj)
