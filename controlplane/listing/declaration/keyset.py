"""Pages by position instead of by number: as quick at row ten million as at row ten, and stable while rows come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import BooleanField, F, Field, Func, Model, QuerySet, Value

from controlplane.domain.errors import InvalidInput

OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<"}
MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


@dataclass(frozen=True)
class Order:
    """A way to sort a list: `Order("-created", "Newest first", ("-created_at", "-id"))`.

    Ends in the primary key, so that no two rows are equal, and goes one way, so that PostgreSQL can compare whole rows
    and follow one index. Columns that may be NULL cannot be compared and are refused at first use.
    """

    name: str
    label: str
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.fields[-1].lstrip("-") not in {"id", "pk"}:
            raise ImproperlyConfigured(f"The order {self.name} must end in id.")
        if len({field.startswith("-") for field in self.fields}) > 1:
            raise ImproperlyConfigured(f"The order {self.name} must go one way.")

    @property
    def is_descending(self) -> bool:
        return self.fields[0].startswith("-")

    @property
    def paths(self) -> list[str]:
        return [field.lstrip("-") for field in self.fields]

    @property
    def reversed(self) -> list[str]:
        return self.paths if self.is_descending else [f"-{path}" for path in self.paths]


class RowComparison(Func):
    """`(a, b) < (x, y)`: the first half of the expressions against the second."""

    output_field = BooleanField()

    def __init__(self, *expressions: Any, operator: str) -> None:
        super().__init__(*expressions)
        self.extra["operator"] = operator

    def as_sql(self, compiler, connection, **context):
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        half = len(parts) // 2
        left, right = (", ".join(sql for sql, _ in side) for side in (parts[:half], parts[half:]))
        params = [param for _, given in parts for param in given]
        return f"({left}) {self.extra['operator']} ({right})", params


@dataclass(frozen=True)
class Page:
    """Some rows in order, and the cursors of the pages beside it; empty where there is none."""

    rows: list[Any]
    next: str
    previous: str


@dataclass(frozen=True)
class Position:
    """A place in an order and the side of it that is wanted: `>` after, `<` before; with `=` including it."""

    side: str
    values: list[Any]


class Keyset:
    """The positions of one model's rows in one order, and their signed text form."""

    def __init__(self, model: type[Model], order: Order) -> None:
        self.order = order
        self.fields = [sortable_field(model, path) for path in order.paths]
        self.signer = signing.Signer(salt=f"cursor:{model._meta.label}:{','.join(order.fields)}", sep=".")

    def encode(self, position: Position) -> str:
        return self.signer.sign_object([position.side, *map(str, position.values)])

    def decode(self, cursor: str) -> Position:
        """Raises InvalidInput for anything that this class did not write for this order."""
        try:
            side, *texts = self.signer.unsign_object(cursor)
        except (signing.BadSignature, ValueError) as error:
            raise InvalidInput.field("cursor", "This is not a cursor of this list in this order.") from error
        return Position(side, [field.to_python(text) for field, text in zip(self.fields, texts, strict=True)])

    def condition(self, position: Position) -> RowComparison:
        operator = MIRRORED[position.side] if self.order.is_descending else position.side
        values = [Value(value, output_field=field) for value, field in zip(position.values, self.fields, strict=True)]
        return RowComparison(*map(F, self.order.paths), *values, operator=operator)


def read_page(queryset: QuerySet, order: Order, *, size: int, cursor: str = "") -> Page:
    """`size` rows of `queryset` at `cursor` (text of an earlier page; empty for the start). Raises InvalidInput.

    Two queries for the start; one more elsewhere, which looks whether anything lies behind. The first reads places,
    which an index that carries the filtered columns answers without touching a row, however few match. The cursors
    are made of it: rows that change before the second query are left out, and what lies beyond them is still reached.
    """
    keyset = Keyset(queryset.model, order)
    here = keyset.decode(cursor) if cursor else None
    backward = here is not None and here.side.startswith("<")
    found = list(walk(queryset, keyset, here, backward=backward).values_list("pk", *order.paths)[: size + 1])
    more, found = len(found) > size, found[size - 1 :: -1] if backward else found[:size]
    rows, places = rows_of(queryset, [pk for pk, *_ in found]), [values for _, *values in found]
    if here is None:
        return Page(rows, next=keyset.encode(Position(">", places[-1])) if more else "", previous="")
    behind = Position(OPPOSITE[here.side], here.values)
    other = walk(queryset, keyset, behind, backward=not backward).values_list("pk")[:1]
    beside = cursors_beside(keyset, places, behind, bool(other), more, backward=backward)
    return Page(rows, **beside)


def rows_of(queryset: QuerySet, ids: list[Any]) -> list[Any]:
    """Those rows, in the order of `ids`, without any that changed and no longer belong to `queryset`."""
    found = {row.pk: row for row in queryset.order_by().filter(pk__in=ids)} if ids else {}
    return [found[pk] for pk in ids if pk in found]


def walk(queryset: QuerySet, keyset: Keyset, position: Position | None, *, backward: bool) -> QuerySet:
    """The rows on one side of `position`, the nearest first."""
    if position is not None:
        queryset = queryset.filter(keyset.condition(position))
    return queryset.order_by(*(keyset.order.reversed if backward else keyset.order.fields))


def cursors_beside(
    keyset: Keyset, places: list[list[Any]], behind: Position, something_behind: bool, more: bool, *, backward: bool
) -> dict[str, str]:
    """`next` and `previous` of the page at `places`; `behind` leads back to where we came from, even from none."""
    before, after = (more, something_behind) if backward else (something_behind, more)
    if not places:
        way_back = keyset.encode(behind) if something_behind else ""
        return {"next": way_back if backward else "", "previous": "" if backward else way_back}
    return {
        "next": keyset.encode(Position(">", places[-1])) if after else "",
        "previous": keyset.encode(Position("<", places[0])) if before else "",
    }


def sortable_field(model: type[Model], path: str) -> Field:
    """The field at the end of `path`. Raises ImproperlyConfigured when a NULL could be met on the way."""
    field: Any = None
    for name in path.split("__"):
        try:
            field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        except FieldDoesNotExist as error:
            raise ImproperlyConfigured(f"{model.__name__} has no {name} to sort by.") from error
        if field.null:
            raise ImproperlyConfigured(f"{model.__name__}.{name} may be NULL, so no list can be sorted by it.")
        model = field.related_model or model
    return field


def value_at(row: Any, path: str) -> Any:
    """`path` goes through relations with `__`, as in a filter."""
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def find_order(orders: Sequence[Order], name: str) -> Order:
    """The order called `name`; the first one for an empty name. Raises InvalidInput."""
    if not name:
        return orders[0]
    for order in orders:
        if order.name == name:
            return order
    raise InvalidInput.field("order", f"Choose one of {', '.join(order.name for order in orders)}.")
