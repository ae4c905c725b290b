"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.listing.export import files as export_views

app_name = "exports"
urlpatterns = [
    path("operations/<int:pk>/file", export_views.file, name="file"),
    path("operations/<int:pk>/manifest.json", export_views.manifest, name="manifest"),
]
