"""What list templates draw, each by itself: heads, rows, cards, controls, links."""

from __future__ import annotations

from dataclasses import dataclass

from django.forms import BoundField
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from controlplane.listing.reading.counting import Count


@dataclass(frozen=True)
class Head:
    """A column's head: `url` sorts by it when it can be sorted by; `sorted` is the aria-sort word when it is."""

    label: str
    classes: str
    url: str
    sorted: str


@dataclass(frozen=True)
class Row:
    pk: int
    cells: SafeString


@dataclass(frozen=True)
class Card:
    pk: int
    title: SafeString
    facts: SafeString


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    on: bool


@dataclass(frozen=True)
class Control:
    """One filter in the panel: a search box, a menu of `options`, or a text field."""

    name: str
    label: str
    bound: BoundField
    options: list[Option]
    text: str
    is_search: bool
    takes_others: bool
    primary: bool

    @property
    def boxes(self) -> SafeString:
        """The options as labelled checkboxes; built here because a page has hundreds of them."""
        box = '<label><input type="checkbox" name="{}" value="{}"{}>{}</label>'
        on, off = SafeString(" checked"), SafeString("")
        rows = ((self.name, option.value, on if option.on else off, option.label) for option in self.options)
        return format_html_join("", box, rows)

    @property
    def chosen(self) -> int:
        return sum(option.on for option in self.options)


@dataclass(frozen=True)
class TabLink:
    label: str
    url: str
    count: Count
    current: bool


@dataclass(frozen=True)
class ChipLink:
    label: str
    shown: str
    remove_url: str


@dataclass(frozen=True)
class Preset:
    """One of the usual periods: `ends` are the expressions for its start and end."""

    label: str
    ends: tuple[str, str]
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class BulkButton:
    name: str
    label: str
    tone: str
    icon: str
