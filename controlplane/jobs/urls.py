"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.jobs import views

app_name = "jobs"
urlpatterns = [
    path("jobs/", views.index, name="list"),
    path("jobs/<int:pk>/", views.detail, name="detail"),
    path("jobs/<int:pk>/result.csv", views.result, name="result"),
    path("jobs/<int:pk>/cancellation", views.cancel, name="cancel"),
    path("jobs/<int:pk>/undo", views.undo, name="undo"),
]
