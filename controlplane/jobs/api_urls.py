"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.jobs import api
from controlplane.projects.routes import endpoint

urlpatterns = [
    endpoint("jobs", api.Jobs.as_view(), "jobs"),
    endpoint("jobs/<int:pk>", api.OneJob.as_view(), "job"),
    endpoint("jobs/<int:pk>/rows", api.Rows.as_view(), "job_rows"),
    endpoint("jobs/<int:pk>/rows.csv", api.RowsCsv.as_view(), "job_rows_csv"),
    endpoint("jobs/<int:pk>/cancel", api.Cancellation.as_view(), "job_cancel"),
    endpoint("jobs/<int:pk>/undo", api.Undo.as_view(), "job_undo"),
]
