"""Endpoints of this app, under /api/v1/."""

from __future__ import annotations

from controlplane.listing.page.api_urls import list_endpoints
from controlplane.projects.requests.routes import endpoint
from workflows import api

urlpatterns = [
    *list_endpoints(api.Workflows),
    endpoint("workflows/validate", api.TextCheck.as_view(), "workflow_text_check"),
    endpoint("workflows/import", api.Import.as_view(), "workflow_import"),
    endpoint("workflows/<int:pk>", api.OneWorkflow.as_view(), "workflow"),
    endpoint("workflows/<int:pk>/publish", api.Publication.as_view(), "workflow_publish"),
    endpoint("workflows/<int:pk>/validate", api.WorkflowCheck.as_view(), "workflow_validate"),
    endpoint("workflows/<int:pk>/draft", api.Draft.as_view(), "workflow_draft"),
    endpoint("workflows/<int:pk>/archive", api.Archive.as_view(), "workflow_archive"),
    endpoint("workflows/<int:pk>/copies", api.Copies.as_view(), "workflow_copies"),
    endpoint("workflows/<int:pk>/export", api.ExportEndpoint.as_view(), "workflow_export"),
    endpoint("workflows/<int:pk>/draft/import", api.DraftImport.as_view(), "workflow_draft_import"),
    endpoint("workflows/<int:pk>/diff", api.DiffEndpoint.as_view(), "workflow_diff"),
    endpoint("workflows/<int:pk>/versions", api.Versions.as_view(), "workflow_versions"),
    endpoint("workflows/<int:pk>/versions/<int:number>", api.OneVersion.as_view(), "workflow_version"),
    endpoint("workflows/<int:pk>/versions/<int:number>/restore", api.Restoration.as_view(), "workflow_restore"),
]
