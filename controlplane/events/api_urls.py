"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.events.api import ActivityEndpoint
from controlplane.projects.requests.routes import endpoint

urlpatterns = [endpoint("activity", ActivityEndpoint.as_view(), "activity")]
