"""What PostgreSQL writes of any list as CSV (COPY): times in ISO 8601, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
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

from controlplane.listing.declaration.columns import Column

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


def csv_expression(queryset: QuerySet, source: Any) -> Any:
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


def copy_statement(queryset: QuerySet, columns: Sequence[Column]) -> tuple[str, Sequence[Any]]:
    """SQL and parameters; empty SQL when the filters exclude every row."""
    fields = [csv_expression(queryset, column.source) for column in columns]
    try:
        sql, params = queryset.values_list(*fields).query.sql_with_params()
    except EmptyResultSet:
        return "", ()
    return f"COPY ({sql}) TO STDOUT (FORMAT csv)", params


def header(names: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()
