from django.shortcuts import render
from parcels.lists import PARCELS

from controlplane.listing.page.page import Empty, ListPage


class ParcelList(ListPage):
    listing = PARCELS
    title = "Parcels"
    empty = Empty("No parcels yet", "Nothing was packed.")


def detail(request, pk):
    return render(request, "base.html")
