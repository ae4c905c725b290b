"""Everything the list templates draw, worked out beforehand: heads, cells, chips, menus and links."""

from __future__ import annotations

from functools import cached_property

from django.http import QueryDict
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from controlplane.domain.words import noun_for
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.declaration.columns import Column
from controlplane.listing.declaration.fields import Values
from controlplane.listing.declaration.filters import SearchFilter, ValuesFilter
from controlplane.listing.declaration.keyset import Page
from controlplane.listing.declaration.periods import PRESETS, Period
from controlplane.listing.export.formats import FORMATS
from controlplane.listing.page.parts import BulkButton, Card, ChipLink, Control, Head, Option, Preset, Row, TabLink
from controlplane.listing.reading.counting import Count
from controlplane.listing.reading.links import Links
from controlplane.listing.reading.request import PAGE_SIZES, Reading
from controlplane.listing.saved_views.page import SavedViews
from controlplane.ui.request import PortalRequest

SELECT = (
    '<td class="cell-check">'
    '<input type="checkbox" name="selected" value="{pk}" data-select-row aria-label="Select {pk}"></td>'
)


class Display:
    """`reading` as the page shows it. A wrong filter value shows no rows and its message at the field."""

    def __init__(self, request: PortalRequest, reading: Reading) -> None:
        self.request, self.reading, self.layout = request, reading, reading.layout
        self.links = Links(request, QueryDict(reading.view.query) if reading.view else ())

    @cached_property
    def is_valid(self) -> bool:
        return not self.reading.filters.errors

    @cached_property
    def page(self) -> Page:
        return self.reading.page if self.is_valid else Page([], "", "")

    @cached_property
    def rows(self) -> list[Row]:
        columns = self.reading.columns
        return [Row(row.pk, SafeString("".join([column.cell(row) for column in columns]))) for row in self.page.rows]

    @cached_property
    def table_rows(self) -> SafeString:
        """All of them as they stand in the table. Built here: a template takes longer for fifty than their query."""
        box = SELECT if self.bulk_buttons else ""
        return SafeString("".join(f"<tr>{box.format(pk=row.pk)}{row.cells}</tr>" for row in self.rows))

    @property
    def layouts(self) -> list[Option]:
        """The choice between them; none where there is only one."""
        names = self.reading.listing.layouts
        choices = names if len(names) > 1 else ()
        return [Option(self.links.with_value("layout", name), name, name == self.layout) for name in choices]

    @cached_property
    def cards(self) -> list[Card]:
        columns = self.reading.columns
        heads, facts = [one for one in columns if one.main], [one for one in columns if not one.main]
        return [
            Card(
                row.pk,
                SafeString("".join(conditional_escape(column.content(row)) for column in heads)),
                SafeString("".join(column.fact(row) for column in facts)),
            )
            for row in self.page.rows
        ]

    @cached_property
    def count(self) -> Count:
        return self.reading.count if self.is_valid else Count(0)

    @property
    def counted(self) -> str:
        """`1 run`, `10,000+ runs`."""
        listing = self.reading.listing
        return f"{self.count} {noun_for(self.count.value, listing.noun, listing.one)}"

    @cached_property
    def heads(self) -> list[Head]:
        return [self.head(column) for column in self.reading.columns]

    def head(self, column: Column) -> Head:
        here = self.reading.order.name
        names = {order.name for order in self.reading.listing.orders}
        up, down = column.order, f"-{column.order}"
        wanted = [up, down] if here == down else [down, up]
        other = next((name for name in wanted if column.order and name in names), "")
        url = self.links.with_value("order", other) if other else ""
        direction = {up: "ascending", down: "descending"}.get(here, "") if column.order else ""
        return Head(column.label, column.classes, url, direction)

    @cached_property
    def controls(self) -> list[Control]:
        return [self.control(name) for name in self.reading.filters.filters]

    def control(self, name: str) -> Control:
        filters = self.reading.filters
        one, bound = filters.filters[name], filters.form[name]
        values = filters.form.cleaned_data.get(name) if self.is_valid or not filters.errors.get(name) else None
        options, text, is_list = [], "", isinstance(one, ValuesFilter)
        if is_list:
            on = one.selected(values or [])
            options = [Option(value, label, value in on) for value, label in one.options()]
            there = {option.value for option in options}
            given = Values().value_from_datadict(filters.data, None, name)
            text = ", ".join(word for word in given if word not in there)
        takes_others = is_list and (one.takes_others or not options)
        is_search = isinstance(one, SearchFilter)
        return Control(name, str(one.label), bound, options, text, is_search, takes_others, one.primary)

    @property
    def search(self) -> list[Control]:
        return [control for control in self.controls if control.is_search]

    @property
    def primary(self) -> list[Control]:
        return [control for control in self.controls if control.primary and not control.is_search]

    @property
    def further(self) -> list[Control]:
        period = self.period.names if self.period else ()
        others = [control for control in self.controls if not control.primary and not control.is_search]
        return [control for control in others if control.name not in period]

    @property
    def period(self) -> Period | None:
        return self.reading.filters.period

    @cached_property
    def period_ends(self) -> list[Control]:
        return [self.control(name) for name in self.period.names] if self.period else []

    @property
    def presets(self) -> list[Preset]:
        period = self.period
        if period is None:
            return []
        since, until = period.names
        return [
            Preset(label, ends, self.links.with_values({since: [ends[0]], until: [ends[1]]}), ends == period.texts)
            for ends, label in PRESETS.items()
        ]

    @property
    def further_is_open(self) -> bool:
        return any(control.bound.errors for control in self.further)

    @cached_property
    def tabs(self) -> list[TabLink]:
        tabs, reading = self.reading.listing.tabs, self.reading
        if tabs is None or not self.is_valid:
            return []
        return [
            TabLink(tab.label, self.links.with_values({tabs.filter_name: list(tab.values)}), count, at == reading.tab)
            for at, (tab, count) in enumerate(zip(tabs.with_all, reading.tab_counts, strict=True))
        ]

    @cached_property
    def chips(self) -> list[ChipLink]:
        chips = self.reading.filters.chips()
        return [ChipLink(chip.label, chip.shown, self.links.with_values(chip.left)) for chip in chips]

    @property
    def problems(self) -> list[str]:
        """What is wrong with the filters, by the name of each."""
        filters = self.reading.filters
        return [f"{filters.filters[error.field].label}: {error.message}" for error in filters.field_errors()]

    @property
    def is_filtered(self) -> bool:
        return bool(self.chips) or not self.is_valid

    @property
    def clear_url(self) -> str:
        return self.links.without_filters(instead_of_default=self.reading.default_view is not None)

    @property
    def here(self) -> str:
        return self.links.here()

    @property
    def next_url(self) -> str:
        return self.links.with_value("cursor", self.page.next) if self.page.next else ""

    @property
    def previous_url(self) -> str:
        return self.links.with_value("cursor", self.page.previous) if self.page.previous else ""

    @property
    def first_url(self) -> str:
        return self.links.at(self.links.start())

    @property
    def export_urls(self) -> list[tuple[str, str]]:
        """(format, address) of the export menu."""
        return [(format.label, self.links.with_value("export", name)) for name, format in FORMATS.items()]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """What the filter form carries along beside the filters."""
        kept = self.links.hidden_fields("view", "order", "limit", "columns", "layout")
        view = self.reading.view
        # Boxes that are off send nothing, and then the view's own would count.
        boxes = [name for name, one in self.reading.filters.filters.items() if isinstance(one, ValuesFilter)]
        return [*kept, *((name, "") for name in boxes if view and name in QueryDict(view.query))]

    @property
    def set_by_view(self) -> str:
        """The parameters that the open view has, for the form to say so when one of them is emptied."""
        return " ".join(QueryDict(self.reading.view.query)) if self.reading.view else ""

    @cached_property
    def saved(self) -> SavedViews:
        return SavedViews(self.request, self.reading)

    @property
    def hidden_fields_of_columns(self) -> list[tuple[str, str]]:
        """What the column chooser carries along: everything else, and the place in the list."""
        return self.links.hidden_fields(*[name for name in self.request.GET if name not in {"columns", "export"}])

    @property
    def column_options(self) -> list[Option]:
        shown = self.reading.columns
        return [Option(column.name, column.label, column in shown) for column in self.reading.listing.columns]

    @property
    def sizes(self) -> list[tuple[int, str, bool]]:
        """(rows, url, whether it is this one)."""
        return [(size, self.links.with_value("limit", str(size)), size == self.reading.size) for size in PAGE_SIZES]

    @cached_property
    def bulk_buttons(self) -> list[BulkButton]:
        """Those that the member's role reaches."""
        member, project = self.request.member, self.request.project
        return [
            BulkButton(verb.name, verb.label, verb.tone, verb.icon)
            for verb in self.reading.listing.bulk_actions
            if verb.reaches(member, project)
        ]

    @property
    def frozen(self) -> str:
        return bulk.selection_cutoff(self.reading.matching) if self.is_valid else ""

    @property
    def more_match(self) -> bool:
        """Whether more rows match than the page shows."""
        return bool(self.page.next or self.page.previous)
