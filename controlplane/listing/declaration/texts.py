"""Filters by a text that nobody can be offered a menu of."""

from __future__ import annotations

from typing import Any

from django import forms
from drf_spectacular.utils import extend_schema_field

from controlplane.listing.declaration.filters import ListFilter


@extend_schema_field({"type": "string"})
class TextFilter(ListFilter):
    """Rows whose `field_name` is the text given; with the `lookup_expr` icontains, those that hold it in any case."""

    field_class = forms.CharField

    def __init__(self, *args: Any, hint: str = "", **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"placeholder": hint, "autocomplete": "off"})
        super().__init__(*args, max_length=200, widget=widget, **kwargs)
