"""Facts in the Django admin: to look at, never to change."""

from __future__ import annotations

from django.contrib import admin

from controlplane.events.models import Event
from controlplane.projects.staff import ReadOnly, Scoped


@admin.register(Event)
class EventAdmin(Scoped, ReadOnly):
    list_display = ("at", "type", "subject_kind", "subject_id", "actor", "project")
    list_filter = ("project", "subject_kind")
    list_select_related = ("project",)
    search_fields = ("=subject_id",)
    search_help_text = "The number of the run or other subject."
    ordering = ("-id",)
