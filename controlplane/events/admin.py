"""Facts in the Django admin: to look at, never to change."""

from __future__ import annotations

from django.contrib import admin

from controlplane.events.models import Event


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    list_display = ("at", "type", "subject_kind", "subject_id", "actor", "project")
    list_filter = ("project", "subject_kind")
    list_select_related = ("project",)
    search_fields = ("=subject_id",)
    search_help_text = "The number of the run or other subject."
    show_full_result_count = False
    ordering = ("-id",)

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
