"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from controlplane.home import views
from controlplane.home.search import page as search_views

app_name = "home"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("search", search_views.search, name="search"),
    path("overview/<slug:name>", views.part, name="part"),
]
