"""A small warehouse of the project's own: SQLite files in the data folder, loaded by key, read by query.

A file can be registered as an instance too, so that query steps and dashboards read it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from agents.calls.registry import FunctionContext, function
from agents.databases.connect import parse_connection
from agents.databases.query import run_query
from controlplane.domain.failures import Failure, Misconfigured
from controlplane.domain.words import counted

IDENTIFIER = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
LOAD_SCHEMA = {
    "type": "object",
    "properties": {
        "warehouse": {**IDENTIFIER, "default": "warehouse"},
        "table": IDENTIFIER,
        "key": {"type": "array", "items": IDENTIFIER, "minItems": 1, "maxItems": 10, "uniqueItems": True},
        "rows": {
            "type": "array",
            "maxItems": 1_000_000,
            "items": {"type": "object", "minProperties": 1, "propertyNames": IDENTIFIER},
        },
    },
    "required": ["table", "key", "rows"],
    "additionalProperties": False,
}
QUERY_SCHEMA = {
    "type": "object",
    "properties": {
        "warehouse": {**IDENTIFIER, "default": "warehouse"},
        "sql": {"type": "string", "minLength": 1},
        "params": {"type": "object"},
        "max_rows": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1_000},
    },
    "required": ["sql"],
    "additionalProperties": False,
}
BATCH = 500
MAX_COLUMNS = 200
BUSY_SECONDS = 10.0
SQLITE_INTEGERS = 2**63


@function("warehouse-load", input_schema=LOAD_SCHEMA, idempotent=True)
def warehouse_load(input: dict[str, Any], context: FunctionContext) -> dict[str, Any]:
    """Load rows into a warehouse table; a row with a known key replaces the old one. All rows or none."""
    rows, key, table = input["rows"], input["key"], input["table"]
    columns = columns_of(rows, key)
    path = warehouse_path(context.project_id, input.get("warehouse", "warehouse"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, context) as database:
        prepare(database, table, columns, key)
        before = count(database, table)
        for start in range(0, len(rows), BATCH):
            context.token.check()
            batch = rows[start : start + BATCH]
            database.executemany(upsert(table, columns, key), [values(row, columns) for row in batch])
            context.progress(start + len(batch), len(rows))
        total = count(database, table)
    context.log("info", f"{counted(len(rows), 'rows')} loaded into {table}, which has {total:,} now")
    return {"table": table, "loaded": len(rows), "inserted": total - before, "total": total}


@function("warehouse-query", input_schema=QUERY_SCHEMA, idempotent=True)
def warehouse_query(input: dict[str, Any], context: FunctionContext) -> dict[str, Any]:
    """Run one reading SQL statement on a warehouse; `:name` takes its value from params."""
    path = warehouse_path(context.project_id, input.get("warehouse", "warehouse"))
    if not path.is_file():
        raise Misconfigured(f"There is no warehouse {path.stem} yet; load rows first.")
    remaining = context.token.remaining()
    result = run_query(
        parse_connection("sqlite", str(path), roots=[path.parent]),
        input["sql"],
        input.get("params", {}),
        token=context.token,
        timeout_seconds=60.0 if remaining is None else max(0.001, remaining),
        max_rows=input.get("max_rows", 1_000),
    )
    return result.as_dict()


def warehouse_path(project_id: int, name: str) -> Path:
    """The SQLite file of one warehouse of one project."""
    return Path(settings.DATA_DIR) / "warehouse" / str(project_id) / f"{name}.sqlite"


def columns_of(rows: Sequence[dict[str, Any]], key: Sequence[str]) -> list[str]:
    """The key's columns, then all others in the order they appear. Raises Misconfigured for a row without its key."""
    for number, row in enumerate(rows):
        if any(row.get(name) is None for name in key):
            raise Misconfigured(f"Row {number} has no value for its key {', '.join(key)}.", row=number)
    columns = list(dict.fromkeys([*key, *(name for row in rows for name in row)]))
    if len(columns) > MAX_COLUMNS:
        raise Misconfigured(f"The rows have {len(columns)} columns; {MAX_COLUMNS} are the most.")
    return columns


@contextmanager
def writing(path: Path, context: FunctionContext) -> Iterator[sqlite3.Connection]:
    """One transaction on the file, kept only if the block ends well. A cancel interrupts it."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(connection) as database, context.token.interrupting(database.interrupt):
            database.execute("BEGIN IMMEDIATE")
            yield database
            context.token.check()
            database.execute("COMMIT")
    except sqlite3.Error as error:
        context.token.check()
        raise Failure(f"The warehouse could not be written: {error}.", kind="warehouse_error") from error


def prepare(database: sqlite3.Connection, table: str, columns: Sequence[str], key: Sequence[str]) -> None:
    """Make the table, or add the columns it lacks. Raises Misconfigured when it has another key."""
    existing = {row[1]: row[5] for row in database.execute(f'PRAGMA table_info("{table}")')}
    if not existing:
        listed = ", ".join(f'"{name}"' for name in columns)
        keyed = ", ".join(f'"{name}"' for name in key)
        database.execute(f'CREATE TABLE "{table}" ({listed}, PRIMARY KEY ({keyed}))')
        return
    known_key = [name for name, place in sorted(existing.items(), key=lambda item: item[1]) if place]
    if sorted(known_key) != sorted(key):
        raise Misconfigured(f"The table {table} has the key {', '.join(known_key)}, not {', '.join(key)}.")
    for name in columns:
        if name not in existing:
            database.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}"')


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Names are checked against IDENTIFIER before they come here."""
    quoted = [f'"{name}"' for name in columns]
    keyed = ", ".join(f'"{name}"' for name in key)
    changes = ", ".join(f"{name} = excluded.{name}" for name in quoted[len(key) :])
    conflict = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
    places = ", ".join("?" * len(columns))
    into = f'INSERT INTO "{table}" ({", ".join(quoted)})'
    return f"{into} VALUES ({places}) ON CONFLICT ({keyed}) {conflict}"


def values(row: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    return [as_value(row.get(name)) for name in columns]


def as_value(value: Any) -> Any:
    """Objects and lists as JSON text; integers beyond 64 bits as text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    too_big = isinstance(value, int) and not -SQLITE_INTEGERS <= value < SQLITE_INTEGERS
    return str(value) if too_big else value


def count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608
