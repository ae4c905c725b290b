"""Who sees what in the Django admin: superusers all, other staff what `visible_to` gives them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import ProblemError
from controlplane.projects.tenants.actors import Actor

# It stands before an admin class, and so before all that those have.
Before: Any = admin.ModelAdmin if TYPE_CHECKING else object


class PortalSite(admin.AdminSite):
    """What is not Scoped is for superusers alone, whoever registers it: accounts, sessions, second factors, groups."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        given = admin_class or admin.ModelAdmin
        if not issubclass(given, Scoped):
            given = type(given.__name__, (ForSuperusers, given), {"__module__": given.__module__})
        super().register(model_or_iterable, given, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The portal's own sign-in, with its limits on wrong tries and its second factor."""
        return secure_admin_login(super().login)(request, extra_context)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """As on the portal's own page, which ends more than the session."""
        if request.method == "POST":
            get_adapter(request).logout(request)
        return super().logout(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """On the portal's page, with its limits on wrong tries."""
        return redirect("account_change_password")


class ForSuperusers(Before):
    """In front of an admin class: nobody else gets anything of it, whatever permissions they have."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser and super().has_delete_permission(request, obj)


class Scoped(admin.ModelAdmin):
    """Rows of projects: lists, pages, histories, searches, menus and filters know those that this person sees."""

    # From a row to the id of its project, where the model has no `visible_to`.
    project_field = ""
    # Nobody guesses these letter by letter with a filter in the address.
    never_looked_up = frozenset(("sealed", "sealed_url", "secret_hash", "password", "given", "outcome"))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        asked = set(lookup.split("__"))
        return not asked & self.never_looked_up and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else self.visible(request, rows)

    def visible(self, request: Any, rows: Any) -> QuerySet:
        """Those of `rows` that this person, who is no superuser, may see."""
        if self.project_field:
            return rows.filter(**{f"{self.project_field}__in": request.access.project_ids})
        return rows.visible_to(request.access)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self.narrowed(entry) for entry in super().get_list_filter(request)]

    def narrowed(self, entry: Any) -> Any:
        is_relation = isinstance(entry, str) and self.model._meta.get_field(entry).is_relation
        return (entry, VisibleChoices) if is_relation else entry

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**given, **choices(self, db_field, request)})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**given, **choices(self, db_field, request)})


class VisibleChoices(admin.RelatedFieldListFilter):
    """A filter that offers only what this person sees."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        limit = choices(model_admin, field, request)
        if not limit:
            return super().field_choices(field, request, model_admin)
        keys = limit["queryset"].order_by().values("pk")
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to={"pk__in": keys})


def choices(model_admin: BaseModelAdmin, field: Any, request: HttpRequest) -> dict[str, QuerySet]:
    """`{"queryset"}` of what may be chosen; empty for superusers, who choose among all."""
    if request.user.is_superuser:
        return {}
    related = field.remote_field.model
    its_admin = model_admin.admin_site._registry.get(related)
    rows = its_admin.get_queryset(request) if isinstance(its_admin, Scoped) else related._default_manager.none()
    return {"queryset": rows}


class NothingByHand(admin.ModelAdmin):
    """New ones come from the portal, and what is deleted goes through an action."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NothingByHand):
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def actor_for(request: Any, row: Any) -> Actor:
    """Who asks, as the `by` of actions on `row`: superusers administer all, other staff are what they are there.

    Raises NotFound where they are no member.
    """
    if request.user.is_superuser:
        return Actor(request.user.get_username(), "admin", None, request.user.pk)
    return request.access.actor_in(row.project.pk)


def on_each_row(request: Any, rows: Iterable[Any], verb: AnyAction) -> None:
    """`verb` on each row; what is refused is told row by row."""
    done = 0
    for row in rows:
        try:
            verb(row, by=actor_for(request, row))
            done += 1
        except ProblemError as problem:
            messages.warning(request, f"{row}: {problem.detail}")
    if done:
        messages.success(request, f"{verb.label}: {done} done.")
