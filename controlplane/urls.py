"""Every address of the portal: a table of contents."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from controlplane.home.monitoring import health

project_urls = [
    path("", include("controlplane.home.urls")),
    path("", include("controlplane.events.urls")),
    path("", include("controlplane.operations.urls")),
    path("", include("controlplane.listing.urls")),
    path("", include("runs.urls")),
    path("", include("workflows.urls")),
    path("", include("agents.urls")),
    path("", include("controlplane.projects.urls")),
]

urlpatterns = [
    path("p/<slug:project>/", include(project_urls)),
    path("api/", include("controlplane.api")),
    path("accounts/", include("controlplane.projects.people.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("controlplane.ui.urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("controlplane.projects.entry_urls")),
    path("", include("controlplane.home.entry_urls")),
]


handler400 = "controlplane.ui.errors.bad_request"
handler403 = "controlplane.ui.errors.permission_denied"
handler404 = "controlplane.projects.requests.middleware.page_not_found"
handler429 = "controlplane.ui.errors.too_many_requests"
handler500 = "controlplane.ui.errors.server_error"

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]
