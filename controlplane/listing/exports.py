"""Any list as CSV: PostgreSQL writes the lines (COPY), we pass them on in pieces, and memory stays flat."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

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
    IntegerField,
    QuerySet,
    TextField,
)
from django.db.models.expressions import BaseExpression
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from controlplane.listing.columns import Column
from controlplane.listing.streaming import Stream
from controlplane.projects.models import Project

PIECE_BYTES = 256 * 1024
# The statement's own limit: a client that reads for longer holds a connection that others need.
EXPORT_SECONDS = 300
# Numbers, times and truth values cannot be formulas.
HARMLESS = (IntegerField, DecimalField, FloatField, BooleanField)


class FormulaSafe(Func):
    """Text that no spreadsheet takes for a formula: a quote before `= + - @`, their full-width twins, tab, CR, LF.

    Plain numbers such as -1.5 stay as they are.
    """

    output_field = TextField()
    template = (
        "CASE WHEN strpos(E'=+-@\\t\\r\\n＝＋－＠', left(%(expressions)s, 1)) > 0 AND %(expressions)s <> ''"
        " AND %(expressions)s !~ '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$'"
        " THEN '''' || %(expressions)s ELSE %(expressions)s END"
    )

    def as_sql(self, compiler, connection, **context):
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return self.template % {"expressions": f"({sql})::text"}, [*params] * self.template.count("%(expressions)s")


class Joined(Func):
    """An array as text: one,another."""

    output_field = TextField()
    template = "array_to_string(%(expressions)s, ',')"


class Iso(Func):
    """A time as 2026-01-31T14:00:00.123456Z."""

    output_field = TextField()
    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def csv_expression(queryset: QuerySet, source: str | BaseExpression) -> BaseExpression:
    """What COPY selects for a column: harmless types as they are, times in ISO 8601, all else as guarded text."""
    expression = F(source) if isinstance(source, str) else source
    kind = expression.resolve_expression(queryset.query.clone()).output_field
    if isinstance(kind, DateTimeField):
        return Iso(expression)
    if isinstance(kind, ArrayField):
        return FormulaSafe(Joined(expression))
    if isinstance(kind, HARMLESS) or kind.choices:
        return expression
    return FormulaSafe(expression)


def csv_response(
    queryset: QuerySet, columns: Sequence[Column], *, noun: str, project: Project | None
) -> StreamingHttpResponse:
    """The rows as a download named after project and day. Raises Unavailable while too many exports run."""
    columns = [column for column in columns if column.source is not None]
    stream = Stream(csv_pieces([column.name for column in columns], *copy_statement(queryset, columns)))
    response = StreamingHttpResponse(stream, content_type="text/csv; charset=utf-8")
    name = "-".join(filter(None, [project and project.slug, noun, f"{timezone.now():%Y-%m-%d}"]))
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.csv")
    response["X-Accel-Buffering"] = "no"
    return response


def copy_statement(queryset: QuerySet, columns: Sequence[Column]) -> tuple[str, Sequence[Any]]:
    """SQL and parameters; empty SQL when the filters exclude every row."""
    fields = [csv_expression(queryset, column.source) for column in columns]
    try:
        sql, params = queryset.values_list(*fields).query.sql_with_params()
    except EmptyResultSet:
        return "", ()
    return f"COPY ({sql}) TO STDOUT (FORMAT csv)", params


def csv_pieces(names: Sequence[str], statement: str, params: Sequence[Any]) -> Iterator[bytes]:
    """The header line, then what `statement` copies, in pieces of about PIECE_BYTES."""
    yield header(names)
    if not statement:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(EXPORT_SECONDS * 1000)])
        with cursor.cursor.copy(statement, params) as lines:
            yield from in_pieces(lines)


def header(names: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def in_pieces(lines: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
