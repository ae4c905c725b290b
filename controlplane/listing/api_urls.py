"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.listing.export import api as export_api
from controlplane.listing.saved_views import api as saved_view_api
from controlplane.projects.requests.routes import endpoint

urlpatterns = [
    endpoint("views", saved_view_api.SavedViewsEndpoint.as_view(), "views"),
    endpoint("views/<int:pk>", saved_view_api.SavedViewEndpoint.as_view(), "view"),
    endpoint("exports", export_api.Exports.as_view(), "exports"),
    endpoint("operations/<int:pk>/file", export_api.ExportFile.as_view(), "operation_file"),
]
