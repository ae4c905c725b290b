"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from django.urls import re_path

from controlplane.operations import api
from controlplane.projects.requests.routes import endpoint

urlpatterns = [
    endpoint("operations", api.Operations.as_view(), "operations"),
    endpoint("operations/<int:pk>", api.OneOperation.as_view(), "operation"),
    endpoint("operations/<int:pk>/rows", api.Rows.as_view(), "operation_rows"),
    endpoint("operations/<int:pk>/rows.csv", api.RowsCsv.as_view(), "operation_rows_csv"),
    endpoint("operations/<int:pk>/cancel", api.Cancellation.as_view(), "operation_cancel"),
    endpoint("operations/<int:pk>/undo", api.Undo.as_view(), "operation_undo"),
    re_path(r"^jobs(?P<rest>/.*)?$", api.moved),
]
