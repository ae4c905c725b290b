"""The rows of a list as bytes, in three formats, each in memory that does not grow with the rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import (
    BooleanField,
    DateTimeField,
    DecimalField,
    F,
    FloatField,
    Func,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Left

from controlplane.listing.declaration.columns import Column
from controlplane.listing.export.copying import (
    EXPORT_SECONDS,
    HARMLESS,
    PIECE_BYTES,
    Iso,
    Joined,
    copy_statement,
    header,
)

# What a worksheet holds, without the head.
SHEET_ROWS = 1_048_575
CELL_CHARACTERS = 32_767
CHUNK = 2_000
BOOK = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "use_zip64": True,
    "nan_inf_to_errors": True,
}  # fmt: skip
Pieces = Generator[bytes, None, None]


@dataclass
class Export:
    """`queryset` with `columns`. `rows` counts what was made so far; `seconds` is the statement's own limit.

    A workbook, of which nothing is seen before it is whole, asks `wanted` whether to go on.
    """

    queryset: QuerySet
    columns: Sequence[Column]
    zone: str = "UTC"
    seconds: int = EXPORT_SECONDS
    rows: int = 0
    wanted: Callable[[], bool] = lambda: True

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def pieces(self, format: str) -> Pieces:
        return FORMATS[format].make(self)


@dataclass(frozen=True)
class Format:
    """`at_once` rows are made while somebody waits; more become a file in the background."""

    label: str
    content_type: str
    at_once: int
    make: Callable[[Export], Pieces]


class JsonRow(Func):
    """One row as an object, in the order of the columns. Alone on its line: line breaks within are escaped."""

    function = "json_build_object"
    output_field = TextField()
    template = "(%(function)s(%(expressions)s))::text"

    def __init__(self, names: Sequence[str], values: Sequence[Combinable]) -> None:
        super().__init__(*values)
        self.names = tuple(names)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts, params = [], []
        for name, value in zip(self.names, self.get_source_expressions(), strict=True):
            sql, given = compiler.compile(value)
            parts.append(f"%s::text, {sql}")
            params += [name, *given]
        return f"(json_build_object({', '.join(parts)}))::text", params


def json_value(queryset: QuerySet, source: str | Combinable) -> Combinable:
    """Times in ISO 8601 and money as text, as the API has them."""
    expression: Any = F(source) if isinstance(source, str) else source
    kind = expression.resolve_expression(queryset.query.clone()).output_field
    if isinstance(kind, DateTimeField):
        return Iso(expression)
    return Cast(expression, TextField()) if isinstance(kind, DecimalField) else expression


def json_statement(export: Export) -> tuple[str, Sequence[Any]]:
    """Quote and delimiter are characters that JSON text never holds, so that COPY changes nothing of it."""
    values = [json_value(export.queryset, column.source) for column in export.columns if column.source is not None]
    try:
        sql, params = export.queryset.values_list(JsonRow(export.names, values)).query.sql_with_params()
    except EmptyResultSet:
        return "", ()
    return f"COPY ({sql}) TO STDOUT (FORMAT csv, QUOTE E'\\x01', ESCAPE E'\\x01', DELIMITER E'\\x02')", params


def copied(export: Export, statement: str, params: Sequence[Any]) -> Iterator[bytes]:
    """Each row's line."""
    if not statement:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(export.seconds * 1000)])
        with cursor.cursor.copy(statement, params) as lines:
            for line in lines:
                export.rows += 1
                yield bytes(line)


def csv_lines(export: Export) -> Iterator[bytes]:
    """UTF-8, the names of the columns first."""
    yield header(export.names)
    yield from copied(export, *copy_statement(export.queryset, export.columns))


def json_lines(export: Export) -> Iterator[bytes]:
    """An array with one object a line."""
    yield b"[\n"
    for line in copied(export, *json_statement(export)):
        yield line if export.rows == 1 else b"," + line
    yield b"]\n"


def grouped(lines: Callable[[Export], Iterator[bytes]]) -> Callable[[Export], Pieces]:
    """Lines in pieces of about PIECE_BYTES."""

    def pieces(export: Export) -> Pieces:
        piece = bytearray()
        for line in lines(export):
            piece += line
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    return pieces


def xlsx_pieces(export: Export) -> Pieces:
    """A workbook can only be sent once it is whole: it grows in a temporary file."""
    with tempfile.TemporaryFile() as file:
        write_workbook(export, file)
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def write_workbook(export: Export, file: Any) -> None:
    """Numbers are numbers, times are local times of `zone`, text is never a formula or a link."""
    cells = [cell_of(export, column.source) for column in export.columns if column.source is not None]
    with xlsxwriter.Workbook(file, BOOK) as book:
        moment, bold = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}), book.add_format({"bold": True})
        writers: list[tuple[int, Any, Any]] = []
        for values in rows_of(export, [cell.value for cell in cells]):
            if not export.wanted():
                break
            line = export.rows % SHEET_ROWS + 1
            if line == 1:
                sheet = new_sheet(book, export, bold)
                looks = [moment if cell.is_moment else None for cell in cells]
                writers = [(at, getattr(sheet, cell.write), looks[at]) for at, cell in enumerate(cells)]
            export.rows += 1
            for (position, write, look), value in zip(writers, values, strict=True):
                if value is not None and value != "":
                    write(line, position, value, look)
        if not writers:
            new_sheet(book, export, bold)


@dataclass(frozen=True)
class Cell:
    """What PostgreSQL selects for a column, and the worksheet's method that takes it as it comes."""

    value: Combinable
    write: str = "write_string"
    is_moment: bool = False


def cell_of(export: Export, source: str | Combinable) -> Cell:
    """How the workbook gets a column; `source` is a field path or an expression."""
    expression: Any = F(source) if isinstance(source, str) else source
    kind = expression.resolve_expression(export.queryset.query.clone()).output_field
    if isinstance(kind, DateTimeField):
        return Cell(Serial(expression, Value(export.zone)), "write_number", is_moment=True)
    if isinstance(kind, BooleanField):
        return Cell(expression, "write_boolean")
    if isinstance(kind, HARMLESS):
        return Cell(Cast(expression, FloatField()), "write_number")
    if isinstance(kind, ArrayField):
        expression = Joined(expression, template="array_to_string(%(expressions)s, ', ')")
    return Cell(Left(Cast(expression, TextField()), CELL_CHARACTERS))


class Serial(Func):
    """A time and a zone as workbooks count: the days since 1899-12-30 by the clock of the zone."""

    output_field = FloatField()
    arg_joiner = " AT TIME ZONE "
    template = "(extract(epoch FROM (%(expressions)s) - timestamp '1899-12-30') / 86400)::float8"


def rows_of(export: Export, values: Sequence[Combinable]) -> Iterator[tuple[Any, ...]]:
    """Streamed in one transaction, whose statements end after `export.seconds`."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(export.seconds * 1000)])
        yield from export.queryset.values_list(*values).iterator(chunk_size=CHUNK)


def new_sheet(book: Any, export: Export, bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(export.columns) - 1, 18)
    for position, column in enumerate(export.columns):
        sheet.write_string(0, position, column.label, bold)
    return sheet


FORMATS = {
    "csv": Format("CSV", "text/csv; charset=utf-8", 100_000, grouped(csv_lines)),
    "json": Format("JSON", "application/json", 100_000, grouped(json_lines)),
    # Some seconds of work before the first byte.
    "xlsx": Format("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 20_000, xlsx_pieces),
}
