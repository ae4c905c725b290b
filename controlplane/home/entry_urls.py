"""The front door."""

from __future__ import annotations

from django.urls import path

from controlplane.home.entry import page as entry

urlpatterns = [path("", entry.front_door, name="front_door")]
