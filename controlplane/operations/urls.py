"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.operations import views

app_name = "operations"
urlpatterns = [
    path("operations/", views.index, name="list"),
    path("operations/<int:pk>/", views.detail, name="detail"),
    path("operations/<int:pk>/result.csv", views.result, name="result"),
    path("operations/<int:pk>/cancellation", views.cancel, name="cancel"),
    path("operations/<int:pk>/undo", views.undo, name="undo"),
]
