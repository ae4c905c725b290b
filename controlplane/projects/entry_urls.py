"""Pages outside of any project."""

from __future__ import annotations

from django.urls import path

from controlplane.projects import views

urlpatterns = [path("projects/new", views.new_project, name="new_project")]
