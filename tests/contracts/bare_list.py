"""A portal with one list more, which declares no more than it must: no filter, no bulk action, no tab, one order."""

from __future__ import annotations

from django.urls import include, path

from agents.models import Tool
from controlplane import urls
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.filters import ListFilterSet
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.page.page import ListPage


class NoFilter(ListFilterSet):
    class Meta:
        model = Tool
        fields: list[str] = []


BARE = Listing(
    noun="bare",
    rows=lambda who: Tool.objects.visible_to(who).for_list(),
    filters=NoFilter,
    columns=(Column("name", "Name", main=True),),
    orders=(Order("name", "Name", ("name", "id")),),
)


class BareList(ListPage):
    listing = BARE
    title = "Bare"


urlpatterns = [
    path("p/<slug:project>/", include([path("bare/", BareList.as_view(), name="bare")])),
    *urls.urlpatterns,
]
