"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.listing.routes import endpoint
from runs.lists import RunCsvEndpoint, RunListEndpoint

urlpatterns = [
    endpoint("runs", RunListEndpoint.as_view(), "runs"),
    endpoint("runs.csv", RunCsvEndpoint.as_view(), "runs_csv"),
]
