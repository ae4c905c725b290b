"""Prepared statements on Django's connection: the engine's hot path plans each one once a connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.types.json import JsonbLoader

Row = dict[str, Any]


def run_statement(statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Execute in the current transaction (or alone, committed) and return the rows, if any, as dicts."""
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection, row_factory=dict_row) as cursor:
        # Django leaves jsonb to its own fields; here it comes as Python values.
        cursor.adapters.register_loader("jsonb", JsonbLoader)
        cursor.execute(statement, parameters, prepare=True)
        return cursor.fetchall() if cursor.description else []


def run_each(statement: str, many: Sequence[Mapping[str, Any]]) -> list[list[Row]]:
    """`run_statement` with each of `many`, in that order, without waiting for one before the next is sent."""
    if len(many) < 2:
        return [run_statement(statement, parameters) for parameters in many]
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline() as pipeline:
        cursors = [Cursor(connection.connection, row_factory=dict_row) for _ in many]
        for cursor, parameters in zip(cursors, many, strict=True):
            cursor.adapters.register_loader("jsonb", JsonbLoader)
            cursor.execute(statement, parameters, prepare=True)
        pipeline.sync()
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def release_connection() -> None:
    """Let other threads have this one's connection while it waits for somebody else."""
    if not connection.in_atomic_block:
        connection.close()


@contextmanager
def borrowed_connection() -> Iterator[None]:
    """Leave this thread with a connection afterwards only if it had one before."""
    had_one = connection.connection is not None
    try:
        yield
    finally:
        if not had_one:
            release_connection()


def the_one(statement: str, parameters: Mapping[str, Any]) -> Row:
    """The row that must be there. Raises IndexError otherwise."""
    return run_statement(statement, parameters)[0]


def one(statement: str, parameters: Mapping[str, Any]) -> Row | None:
    """The first row, or None."""
    rows = run_statement(statement, parameters)
    return rows[0] if rows else None
