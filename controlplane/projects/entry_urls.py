"""Pages outside of any project."""

from __future__ import annotations

from django.urls import path

from controlplane.projects import views
from controlplane.projects.people import invitations, profile

urlpatterns = [
    path("projects/new", views.new_project, name="new_project"),
    path("invitation", invitations.invitation, name="invitation"),
    path("account/", profile.profile, name="profile"),
    path("account/sessions/end", profile.session_end, name="session_end"),
]
