"""One request's view of a list: its filters, order, page and columns, read from the query string."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.listing.declaration.columns import Column, chosen_columns
from controlplane.listing.declaration.fields import Values, is_number
from controlplane.listing.declaration.filters import ListFilterSet
from controlplane.listing.declaration.keyset import Order, Page, find_order, read_page
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.declaration.tabs import count_each, count_together
from controlplane.listing.models import SavedView
from controlplane.listing.reading.counting import Count, count_matching
from controlplane.projects.models import Project

PAGE_SIZES = (25, 50, 100, 200)
PAGE_SIZE = 50
CONTROLS = ("cursor", "limit", "order", "view")
LONGEST_QUERY = 4000
# Where somebody is in a list, and how it is asked for: no view keeps these.
PASSING = ("cursor", "export", "project", "view")


class Reading:
    """`params` applied to `listing` for `who` (Actor or Access).

    Everything wrong in them raises InvalidInput when it is used, with the name of the parameter.
    """

    def __init__(self, listing: Listing, params: QueryDict, *, who: Any, project: Project | None = None) -> None:
        self.listing, self.given, self.who, self.project = listing, params, who, project

    @cached_property
    def views(self) -> list[SavedView]:
        """The saved views of this list that the caller may see, their own first."""
        views = SavedView.objects.visible_to(self.who).filter(listing=self.listing.noun)
        if self.project is not None:
            views = views.filter(project=self.project)
        return list(views.order_by("is_shared", "name"))

    @cached_property
    def view(self) -> SavedView | None:
        """The one that `?view=` names. Raises InvalidInput."""
        slug = self.given.get("view", "")
        found = next((view for view in self.views if view.slug == slug), None) if slug else None
        if slug and found is None:
            raise InvalidInput.field("view", f"There is no view “{slug[:63]}” of this list.", "unknown")
        return found

    @property
    def default_view(self) -> SavedView | None:
        return next((view for view in self.views if view.is_default), None)

    @cached_property
    def params(self) -> QueryDict:
        """What was given, on top of what the view says: an empty value takes the view's away."""
        if self.view is None:
            return self.given
        params = QueryDict(self.view.query, mutable=True)
        for name in self.given:
            params.setlist(name, self.given.getlist(name))
        return params

    @cached_property
    def filters(self) -> ListFilterSet:
        rows: Any = self.listing.rows(self.who)
        if self.project is not None and self.who.project_ids != [self.project.pk]:
            rows = rows.filter(**{rows.project_field: self.project.pk})
        return self.listing.filters(self.params, rows, who=self.who, project=self.project)

    @property
    def matching(self) -> QuerySet:
        """All rows that match the filters, in no order."""
        return self.filters.matching()

    @property
    def ordered(self) -> QuerySet:
        """All rows that match, in the order asked for."""
        return self.matching.order_by(*self.order.fields)

    @property
    def order(self) -> Order:
        return find_order(self.listing.orders, self.params.get("order", ""))

    @property
    def size(self) -> int:
        """Rows a page: `limit`, from 1 to the largest of PAGE_SIZES."""
        text = self.params.get("limit") or str(PAGE_SIZE)
        if not (is_number(text) and 1 <= int(text) <= PAGE_SIZES[-1]):
            raise InvalidInput.field("limit", f"Give a number from 1 to {PAGE_SIZES[-1]}.")
        return int(text)

    @property
    def layout(self) -> str:
        """`list` or `grid`. Raises InvalidInput for one that this list does not have."""
        layouts = self.listing.layouts
        wanted = self.params.get("layout") or layouts[0]
        if wanted not in layouts:
            raise InvalidInput.field("layout", f"Choose one of {', '.join(layouts)}.")
        return wanted

    @property
    def cursor(self) -> str:
        return self.params.get("cursor", "")

    @cached_property
    def page(self) -> Page:
        return read_page(self.matching, self.order, size=self.size, cursor=self.cursor)

    @cached_property
    def count(self) -> Count:
        """How many match; a list that fits on its first page was counted by reading it, and a tab with the others."""
        if self.listing.tabs and self.tab is not None:
            return self.tab_counts[self.tab]
        if not self.page.next and not self.page.previous:
            return Count(len(self.page.rows))
        return count_matching(self.matching)

    @cached_property
    def tab(self) -> int | None:
        """The number of the tab that is open, 0 for all rows; None when the values chosen are not those of one."""
        tabs = self.listing.tabs
        chosen = set(self.filters.value(tabs.filter_name) or ()) if tabs else set()
        sets = [set(tab.values) for tab in tabs.with_all] if tabs else []
        return sets.index(chosen) if chosen in sets else None

    @cached_property
    def tab_counts(self) -> list[Count]:
        """How many rows each tab has under the other filters; the first is for all of them."""
        tabs = self.listing.tabs
        if tabs is None:
            return []
        one, rows = self.filters.filters[tabs.filter_name], self.filters.matching_without(tabs.filter_name)
        counts = count_each(one.filter(rows, list(tab.values)) for tab in tabs.tabs)
        return [count_together(counts), *counts]

    @cached_property
    def columns(self) -> list[Column]:
        """Those asked for; else the usual ones, and those of the open tab."""
        wanted = Values().value_from_datadict(self.params, None, "columns")
        return chosen_columns(self.listing.columns, wanted, more=self.columns_of_tab)

    @property
    def columns_of_tab(self) -> tuple[str, ...]:
        tabs = self.listing.tabs
        return tabs.with_all[self.tab].columns if tabs and self.tab is not None else ()

    def refuse_unknown(self, *known: str) -> None:
        """Raises InvalidInput naming every parameter that is neither a filter nor one of `known`."""
        unknown = [name for name in self.given if name not in {*self.filters.filters, *CONTROLS, *known}]
        if unknown:
            known_names = ", ".join(self.filters.filters)
            errors = [FieldError(name, f"There is no such filter. Known are {known_names}.") for name in unknown]
            raise InvalidInput(f"There is no filter {', '.join(unknown)}.", errors=errors)


def state_of(listing: Listing, query: str, *, who: Any, project: Project) -> str:
    """`query` as a saved view keeps it. Raises InvalidInput when the list does not understand it."""
    if len(query) > LONGEST_QUERY:
        raise InvalidInput.field("query", f"A view has at most {LONGEST_QUERY:,} characters.", "too_long")
    params = without_passing(QueryDict(query.removeprefix("?")))
    reading = Reading(listing, params, who=who, project=project)
    reading.refuse_unknown("columns", "layout")
    reading.filters.refuse_errors()
    reading.order, reading.size, reading.layout  # noqa: B018 - they refuse what is wrong
    return params.urlencode()


def without_passing(params: QueryDict) -> QueryDict:
    """What narrows a list and decides how it is drawn, without empty values."""
    kept = QueryDict(mutable=True)
    for name in params:
        values = [value for value in params.getlist(name) if value]
        if values and name not in PASSING:
            kept.setlist(name, values)
    return kept
