"""Routes of the JSON API: the slash at the end is optional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls.resolvers import RoutePattern, URLPattern


class OptionalSlash(RoutePattern):
    """A route written without a slash at its end that matches with one, too; reversing gives none."""

    def match(self, path: str) -> Any:
        return super().match(path.removesuffix("/"))


def endpoint(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    """`endpoint("runs/<int:pk>", RunEndpoint.as_view(), "run")`."""
    return URLPattern(OptionalSlash(route, name=name, is_endpoint=True), view, None, name)
