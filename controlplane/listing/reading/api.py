"""What the tabs above a list say, for scripts."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import InvalidInput
from controlplane.listing.page.api import ListEndpoint


class TabCountSerializer(serializers.Serializer):
    label: Any = serializers.CharField()
    values = serializers.ListField(
        child=serializers.CharField(), help_text="Of the tabs' filter; none of them for all rows."
    )
    count = serializers.IntegerField()
    is_capped = serializers.BooleanField(help_text="Whether there are more than `count`.")


class CountsEndpoint(ListEndpoint):
    """`GET`: how many rows of the list each tab has, under all filters but the tabs' own."""

    serializer_class = TabCountSerializer

    def get(self, request: Request) -> HttpResponseBase:
        paging = [name for name in ("limit", "cursor", "order") if name in request.query_params]
        if paging:
            raise InvalidInput.field(paging[0], "Counts have no pages and no order.", "unknown")
        tabs = self.listing.tabs.with_all if self.listing.tabs else []
        rows = [
            {"label": tab.label, "values": list(tab.values), "count": count.value, "is_capped": count.is_capped}
            for tab, count in zip(tabs, self.reading().tab_counts, strict=True)
        ]
        return Response({"results": rows, "next": None, "previous": None})

    def described_paging(self) -> list[OpenApiParameter]:
        return []
