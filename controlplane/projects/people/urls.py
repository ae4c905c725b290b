"""Pages under /accounts/ that take the place of allauth's."""

from __future__ import annotations

from django.urls import path, re_path

from controlplane.projects.people import profile

urlpatterns = [
    path("email/", profile.address, name="account_email"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", profile.confirmation, name="account_confirm_email"),
    path("sessions/", profile.sessions, name="usersessions_list"),
]
