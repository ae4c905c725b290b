"""What a list shows of a row: the same declaration draws the table cell and names the CSV column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Expression
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from controlplane.listing.declaration.cells import draw
from controlplane.listing.declaration.keyset import value_at
from controlplane.ui.formats import NOTHING


@dataclass(frozen=True)
class Column:
    """One column.

    `value(row)` gives text or safe HTML for the cell; or `template` draws it with `row` (quicker: `value`); else the
    attribute at `name` is shown. `csv` is a field path or an expression for the export (default: `name`; None leaves
    the column out). `default` columns show until others are chosen. `align` "end" is for numbers; `main` is the one a
    phone shows as headline. `order` names the ascending of two orders `x` and `-x` that its head toggles. With
    `links_row` a click anywhere in the row leads where the link in this column does.
    """

    name: str
    label: str
    value: Callable[[Any], object] | None = None
    template: str = ""
    csv: str | Expression | None = ""
    default: bool = True
    align: str = ""
    main: bool = False
    wrap: bool = False
    order: str = ""
    links_row: bool = False

    def cell(self, row: Any) -> SafeString:
        """The whole <td>. Built here and not in a template, which would take longer than the query for 500 cells."""
        content = self.content(row)
        if content is None or content == "":
            return self.without_content
        return SafeString(f"{self.opening}{conditional_escape(content)}</td>")

    def fact(self, row: Any) -> SafeString:
        """The same as a line of a card: label and value, or nothing."""
        content = self.content(row)
        if content is None or content == "":
            return SafeString("")
        label = self.opening_of_label if not self.wrap else ""
        return SafeString(f'<div class="list-card__fact">{label}<dd>{conditional_escape(content)}</dd></div>')

    @cached_property
    def opening_of_label(self) -> SafeString:
        return format_html("<dt>{}</dt>", self.label)

    def content(self, row: Any) -> Any:
        if self.template:
            return draw(self.template, {"row": row})
        return self.value(row) if self.value else value_at(row, self.name)

    @cached_property
    def opening(self) -> SafeString:
        return format_html('<td class="{}" data-label="{}">', self.classes, "" if self.main else self.label)

    @cached_property
    def without_content(self) -> SafeString:
        classes = f"{self.classes} is-nothing".strip()
        return format_html('<td class="{}" data-label="{}">{}</td>', classes, self.label, NOTHING)

    @property
    def classes(self) -> str:
        kinds = {
            "cell-main": self.main,
            "links-row": self.links_row,
            "num": self.align == "end",
            "cell-wrap": self.wrap,
        }
        return " ".join(name for name, applies in kinds.items() if applies)

    @property
    def source(self) -> str | Expression | None:
        """Where the export takes it from."""
        return self.name if self.csv == "" else self.csv


def chosen_columns(columns: Sequence[Column], names: Iterable[str], more: Iterable[str] = ()) -> list[Column]:
    """The columns called `names`, in their declared order; when none is known the default ones and `more`."""
    wanted, besides = set(names), set(more)
    chosen = [column for column in columns if column.name in wanted]
    return chosen or [column for column in columns if column.default or column.name in besides]
