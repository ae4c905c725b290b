"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

app_name = "workflows"
urlpatterns: list = []
