"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.home.api import OverviewEndpoint
from controlplane.home.search.api import Search
from controlplane.projects.requests.routes import endpoint

urlpatterns = [
    endpoint("overview", OverviewEndpoint.as_view(), "overview"),
    endpoint("search", Search.as_view(), "search"),
]
