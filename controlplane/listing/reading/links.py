"""Addresses of the same list with something changed: the URL is the whole state of a list."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, QueryDict

# What decides how the list is drawn; the rest of a query string narrows it.
SHOWING = ("order", "limit", "columns", "layout")


class Links:
    """Addresses that begin at this request's query string. Each change goes back to the first page.

    `of_view` are the names that the open view sets: to take one of them away, an empty value must say so.
    """

    def __init__(self, request: HttpRequest, of_view: Iterable[str] = ()) -> None:
        self.path, self.params, self.of_view = request.path, request.GET, frozenset(of_view)

    def at(self, params: QueryDict) -> str:
        query = params.urlencode()
        return f"{self.path}?{query}" if query else self.path

    def start(self) -> QueryDict:
        params = self.params.copy()
        for name in ("cursor", "export"):
            params.pop(name, None)
        return params

    def with_value(self, name: str, value: str) -> str:
        params = self.start()
        params[name] = value
        return self.at(params)

    def with_values(self, given: dict[str, list[str]]) -> str:
        """The same list where each name of `given` has those values; without any, or an empty one, it is left out."""
        params = self.start()
        for name, values in given.items():
            params.pop(name, None)
            if any(values):
                params.setlist(name, values)
            elif name in self.of_view:
                params[name] = ""
        return self.at(params)

    def without_filters(self, *, instead_of_default: bool = False) -> str:
        """All rows, drawn as they are; with `instead_of_default` saying so, else the default view would open."""
        params = QueryDict("view=" if instead_of_default else "", mutable=True)
        for name in SHOWING:
            if name in self.params:
                params.setlist(name, self.params.getlist(name))
        return self.at(params)

    def hidden_fields(self, *names: str) -> list[tuple[str, str]]:
        """(name, value) of everything under `names` that a form on the page must carry along."""
        return [(name, value) for name in names for value in self.params.getlist(name)]

    def here(self) -> str:
        return self.at(self.params)
