"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from django.urls import re_path

from controlplane.events.api import ActivityEndpoint

urlpatterns = [re_path(r"^activity/?$", ActivityEndpoint.as_view(), name="activity")]
