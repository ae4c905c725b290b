"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.events import views

app_name = "events"
urlpatterns = [path("activity/", views.activity, name="activity")]
