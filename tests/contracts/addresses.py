"""Where everything is: what the URL resolver knows, and the address of one of each thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.contracts.permissions import CLOSED, PUBLIC, ROUTES, SIGNED_IN
from tests.contracts.subjects import Things, in_address, query_of


def routed(patterns: list[Any], path: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """(name with its namespaces, path, view) of everything that the resolver knows; the path for what has no name."""
    for pattern in patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routed(pattern.url_patterns, here, inner)
        elif isinstance(pattern, URLPattern):
            yield (space + pattern.name if pattern.name else here), here, pattern.callback


ROUTED = {name: (path, view) for name, path, view in routed(get_resolver().url_patterns)}


def address(name: str, things: Things, given: dict[str, Any] | None = None, *, method: str = "GET") -> str:
    """Where `name` of their thing is, or of the thing that `given` names instead."""
    given = dict(in_address(things, ROUTES[name].subject) if given is None else given)
    is_page = ROUTED[name][0].startswith("p/")
    url = reverse(name, kwargs={"project": things.project.slug, **given} if is_page else given)
    query = query_of(things, name)
    if name.startswith("api:") and asks_for_project(name, method):
        query.append(f"project={things.project.slug}")
    return f"{url}?{'&'.join(query)}" if query else url


def asks_for_project(name: str, method: str) -> bool:
    """Lists of the API cover every project of the caller unless told which; a secret has a name and no id."""
    subject, public = ROUTES[name].subject, (PUBLIC, SIGNED_IN, CLOSED)
    is_list = method == "GET" and not subject and not set(ROUTES[name].levels.values()) & set(public)
    return subject == "secret name" or is_list
