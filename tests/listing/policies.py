"""A portal with one list more, of nouns that do not just lose an s: the project's tools as policies and as statuses."""

from __future__ import annotations

from django.urls import include, path

from agents.catalogue.filters import ToolFilter
from agents.catalogue.listing import TOOLS, disable
from controlplane import urls
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.page.page import ListPage


def named(noun: str, one: str = "") -> Listing:
    return Listing(
        noun=noun,
        one=one,
        rows=TOOLS.rows,
        filters=ToolFilter,
        columns=TOOLS.columns,
        orders=TOOLS.orders,
        bulk_actions=(disable,),
    )


POLICIES, STATUSES = named("policies"), named("statuses", "status")


class Policies(ListPage):
    listing = POLICIES
    title = "Policies"


class Statuses(ListPage):
    listing = STATUSES
    title = "Statuses"


project_urls = [path("policies/", Policies.as_view()), path("statuses/", Statuses.as_view())]
urlpatterns = [path("p/<slug:project>/", include(project_urls)), *urls.urlpatterns]
