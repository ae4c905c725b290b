"""The request as templates and views see it, after the middleware."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


class PortalRequest(HttpRequest):
    """For type hints. `project` and `member` are there on pages under /p/<slug>/ only."""

    user: Any
    access: Any
    project: Any
    member: Any
