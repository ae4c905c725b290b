"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.projects import views

app_name = "projects"
urlpatterns = [
    path("members/", views.members, name="members"),
    path("members/<int:pk>/role", views.role, name="member_role"),
    path("members/<int:pk>/removal", views.removal, name="member_removal"),
    path("invitations/", views.invitations, name="invitations"),
    path("invitations/<int:pk>/revocation", views.invitation_revocation, name="invitation_revocation"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revocation", views.revocation, name="token_revocation"),
    path("secrets/", views.secrets, name="secrets"),
    path("secrets/<int:pk>/deletion", views.secret_deletion, name="secret_deletion"),
    path("settings/", views.settings, name="settings"),
]
