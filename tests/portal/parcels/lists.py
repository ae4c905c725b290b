from parcels.models import Parcel

from controlplane.listing.declaration import cells
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.filters import ListFilterSet, SearchFilter
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing


class ParcelFilter(ListFilterSet):
    q = SearchFilter(["name__icontains"])

    class Meta:
        model = Parcel
        fields: list[str] = []


PARCELS = Listing(
    noun="parcels",
    rows=lambda who: Parcel.objects.visible_to(who),
    filters=ParcelFilter,
    columns=(Column("name", "Name", main=True), Column("state", "State", value=lambda row: cells.badge(row.state))),
    orders=(Order("name", "Name", ("name", "id")),),
    bulk_actions=(),
)
