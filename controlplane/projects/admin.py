"""Projects, members, tokens and secrets in the Django admin. What has an action is changed through it.

Only superusers add projects and members here; other staff do that on the portal's own pages.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from controlplane.projects import actions
from controlplane.projects.models import ApiToken, IdempotencyKey, Invitation, Member, Project, Secret
from controlplane.projects.people import admin as account_admin  # noqa: F401 - it registers what it has
from controlplane.projects.tenants.staff import ReadOnly, Scoped, actor_for, on_each_row
from controlplane.ui.request import PortalRequest

admin.site.site_header = admin.site.site_title = "Spark-Ops administration"


def administered(request: PortalRequest) -> list[int]:
    """The ids of the projects that this person administers."""
    return [pk for pk, role in request.access.roles.items() if role == "admin"]


@admin.register(Project)
class ProjectAdmin(Scoped):
    list_display = ("name", "slug", "time_zone", "created_at")
    search_fields = ("name", "slug")

    def has_add_permission(self, request) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request, obj=None) -> bool:
        return request.user.is_superuser

    def get_readonly_fields(self, request, obj=None) -> tuple[str, ...]:
        return ("slug", "created_at") if obj else ("created_at",)

    def save_model(self, request, project, form, change) -> None:
        if change:
            by = actor_for(request, project)
            actions.update_project(project, name=project.name, time_zone=project.time_zone, by=by)
            return
        fields = {"slug": project.slug, "name": project.name, "time_zone": project.time_zone}
        made = actions.create_project(**fields, by=request.access.everywhere(), owner=request.user)
        project.pk, project._state.adding = made.pk, False


@admin.register(Member)
class MemberAdmin(Scoped):
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("project", "role")
    list_select_related = ("user", "project")
    search_fields = ("user__username",)
    autocomplete_fields = ("user", "project")

    def get_readonly_fields(self, request, obj=None) -> tuple[str, ...]:
        return ("user", "project", "created_at") if obj else ("created_at",)

    def has_add_permission(self, request) -> bool:
        return request.user.is_superuser

    def save_model(self, request, member, form, change) -> None:
        by = actor_for(request, member)
        if change:
            role, member.role = member.role, form.initial["role"]
            actions.change_role(member, role=role, by=by)
        else:
            made = actions.add_member(member.project, user=member.user, role=member.role, by=by)
            member.pk, member._state.adding = made.pk, False

    def delete_model(self, request, member) -> None:
        actions.remove_member(member, by=actor_for(request, member))

    def delete_queryset(self, request, rows) -> None:
        on_each_row(request, rows, actions.remove_member)


@admin.action(description="Withdraw")
def withdraw(model_admin: Any, request: Any, rows: QuerySet) -> None:
    on_each_row(request, rows, actions.revoke_invitation)


@admin.register(Invitation)
class InvitationAdmin(Scoped, ReadOnly):
    """Whom somebody invited, for administrators of the project; the links are on its page."""

    list_display = ("email", "project", "role", "created_by", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("project", "role")
    list_select_related = ("project", "created_by")
    search_fields = ("email",)
    actions = (withdraw,)

    def visible(self, request, rows) -> QuerySet:
        return rows.filter(project__in=administered(request))


@admin.action(description="Revoke")
def revoke(model_admin: Any, request: Any, rows: QuerySet) -> None:
    on_each_row(request, rows, actions.revoke_token)


@admin.register(ApiToken)
class ApiTokenAdmin(Scoped, ReadOnly):
    """The prefix is all that can be seen of a token; those of others only administrators of the project see."""

    list_display = ("name", "prefix", "project", "role", "created_by", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("project", "role")
    list_select_related = ("project", "created_by")
    search_fields = ("name", "prefix")
    exclude = ("secret_hash",)
    actions = (revoke,)

    def visible(self, request, rows) -> QuerySet:
        theirs = Q(created_by=request.user) | Q(project__in=administered(request))
        return super().visible(request, rows).filter(theirs)


@admin.action(description="Delete")
def delete(model_admin: Any, request: Any, rows: QuerySet) -> None:
    on_each_row(request, rows, actions.delete_secret)


@admin.register(Secret)
class SecretAdmin(Scoped, ReadOnly):
    """Names only. A value is set on the project's page."""

    list_display = ("name", "project", "updated_at", "updated_by")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("name",)
    exclude = ("sealed",)
    actions = (delete,)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly):
    """Of everybody, and in no project when it made one: for superusers."""

    list_display = ("key", "project", "owner", "status", "created_at")
    list_filter = ("project",)
    list_select_related = ("project",)
    exclude = ("body",)
