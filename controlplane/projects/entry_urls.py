"""Pages outside of any project."""

from __future__ import annotations

from django.urls import path

from controlplane.projects import profile, views

urlpatterns = [
    path("projects/new", views.new_project, name="new_project"),
    path("account/", profile.profile, name="profile"),
    path("account/sessions/end", profile.session_end, name="session_end"),
]
