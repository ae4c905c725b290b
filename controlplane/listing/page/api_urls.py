"""The addresses of a list under /api/v1/, as its declaration says which."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls.resolvers import URLPattern

from controlplane.listing.bulk.api import BulkEndpoint
from controlplane.listing.page.api import CsvEndpoint, ListEndpoint
from controlplane.listing.reading.api import CountsEndpoint
from controlplane.projects.requests.endpoints import Endpoint
from controlplane.projects.requests.routes import endpoint


def list_endpoints(view: type[ListEndpoint]) -> list[URLPattern]:
    """`runs` and `runs.csv`; `runs/bulk` with bulk actions and `runs/counts` with tabs. The names are `runs`,
    `runs_csv`, `runs_bulk` and `runs_counts`: its noun."""
    noun = view.listing.noun
    others = [
        endpoint(f"{noun}{end}", beside(view, kind).as_view(), f"{noun}_{end[1:]}") for end, kind in offered(view)
    ]
    return [endpoint(noun, view.as_view(), noun), *others]


def offered(view: type[ListEndpoint]) -> Iterator[tuple[str, type[Endpoint]]]:
    """(end of the path, endpoint) of what a list offers beside its rows."""
    yield ".csv", CsvEndpoint
    if view.listing.bulk_actions:
        yield "/bulk", BulkEndpoint
    if view.listing.tabs:
        yield "/counts", CountsEndpoint


def beside(view: type[ListEndpoint], kind: type[Endpoint]) -> type[Endpoint]:
    """`kind` of the same list."""
    return type(f"{view.__name__}{kind.__name__}", (kind,), {"listing": view.listing, "__doc__": kind.__doc__})
