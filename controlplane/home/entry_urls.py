"""The landing page."""

from __future__ import annotations

from django.urls import path

from controlplane.home.landing import page

urlpatterns = [path("", page.landing, name="landing")]
