"""Saved views: a list's filters, order and columns under a name."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from controlplane.projects.models import Project, ProjectScoped, valid_name


class SavedViewQuerySet(ProjectScoped):
    def visible_to(self, who: Any) -> SavedViewQuerySet:
        """Those shared in a project that `who` reaches, and their own."""
        return super().visible_to(who).filter(Q(is_shared=True) | Q(owner_id=who.user_id))


class SavedView(models.Model):
    """`query` is what stands behind `?` in the address of the list called `listing`: `status=failed&order=created`.

    A personal view is its owner's; a shared one everybody's in the project. The default opens when the list is asked
    for without anything else: one's own before the shared one.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    listing = models.CharField(max_length=40)
    slug = models.CharField(max_length=63, validators=[valid_name])
    name = models.CharField(max_length=63)
    query = models.CharField(max_length=4000, blank=True)
    is_shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=200, editable=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "listing", "slug"], condition=Q(is_shared=True), name="one_shared_view_per_slug"
            ),
            models.UniqueConstraint(
                fields=["project", "listing", "owner", "slug"],
                condition=Q(is_shared=False),
                name="one_personal_view_per_slug",
            ),
            models.UniqueConstraint(
                fields=["project", "listing"],
                condition=Q(is_shared=True, is_default=True),
                name="one_shared_default_per_list",
            ),
            models.UniqueConstraint(
                fields=["project", "listing", "owner"],
                condition=Q(is_shared=False, is_default=True),
                name="one_personal_default_per_list",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def may_be_changed_by(self, by: Any) -> bool:
        """One's own by oneself, a shared one by editors."""
        return by.may("editor", self.project) if self.is_shared else by.user_id == self.owner_id
