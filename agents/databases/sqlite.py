"""SQLite: the file opened read-only, and an authorizer that knows only reading. `mode=ro` alone still lets ATTACH
create and write other files."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agents.databases.connect import Connection
from agents.databases.explain import what_it_does, where_it_breaks
from agents.databases.failures import ConnectionFailed, ConnectionLost, LockTimeout, SqlError, SqlRefused
from agents.databases.files import Place, identity, is_file
from agents.databases.parameters import SQLITE, bind
from agents.databases.result import Collector, InstanceReport, QueryResult
from agents.databases.statement import Statement
from agents.databases.watchdog import watched
from controlplane.domain.failures import Failure, Misconfigured

JOURNALS = ("-wal", "-shm", "-journal")
STEPS_BETWEEN_LOOKS = 2_000
MAX_VALUE_BYTES = 16 * 1024 * 1024
READING_ACTIONS = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
READING_PRAGMAS = frozenset(
    (
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "user_version",
        "schema_version",
        "encoding",
        "page_count",
        "page_size",
        "compile_options",
    )
)
DENIED_FUNCTIONS = frozenset(("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "eval"))
LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 100),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)
TABLE_FUNCTIONS = (
    "json_each",
    "json_tree",
    "pragma_table_info",
    "pragma_table_xinfo",
    "pragma_index_list",
    "pragma_index_info",
    "pragma_foreign_key_list",
)
TYPE_NAMES = {int: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}


def run(connection: Connection, statement: Statement) -> QueryResult:
    with _session(connection, statement) as database:
        return _fetch(database, statement)


def inspect(connection: Connection, statement: Statement) -> InstanceReport:
    with _session(connection, statement) as database:
        listing = (
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        )
        names = [str(name) for (name,) in database.execute(f"{listing} LIMIT 500")]
    return InstanceReport(server_version=f"SQLite {sqlite3.sqlite_version}", tables=names)


@contextmanager
def _session(connection: Connection, statement: Statement) -> Iterator[sqlite3.Connection]:
    with (
        _errors(statement),
        closing(_opened(connection, statement)) as database,
        watched(lambda _: database.interrupt(), token=statement.token, deadline=statement.deadline, pause=0.05),
    ):
        yield database


def _opened(connection: Connection, statement: Statement) -> sqlite3.Connection:
    """SQLite opens by name, so what the name means is looked at before and after."""
    place = connection.location
    file = place.start
    before = identity(file)
    if before is None:
        raise place.absent()
    refuse_strange_siblings(place)
    database = _connected(file, statement)
    try:
        _limit(database, statement)
        if identity(file) != before:
            raise ConnectionLost(f"{place.typed} was replaced while it was opened. Run the query again.")
    except BaseException:
        database.close()
        raise
    return database


def refuse_strange_siblings(place: Place) -> None:
    """SQLite opens its journals by name too, through links, and would wait at a pipe for ever."""
    for ending in JOURNALS:
        sibling = place.start.with_name(place.start.name + ending)
        if os.path.lexists(sibling) and not is_file(sibling):
            raise Misconfigured(f"{place.typed} has a journal ({ending}) that is no ordinary file.")


def _connected(file: Path, statement: Statement) -> sqlite3.Connection:
    patience = min(statement.limits.lock_timeout_seconds, statement.remaining())
    try:
        return sqlite3.connect(
            f"file:{quote(str(file))}?mode=ro",
            uri=True,
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise ConnectionFailed(f"The file cannot be opened: {error}.") from error


def _limit(database: sqlite3.Connection, statement: Statement) -> None:
    database.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    for limit, value in LIMITS:
        database.setlimit(limit, value)
    # SQLite declares these at first use, in a way that the authorizer could not tell from a change of the schema.
    for table in TABLE_FUNCTIONS:
        database.execute(f"SELECT 1 FROM {table}(NULL) LIMIT 0")  # noqa: S608 - names of this file
    database.set_authorizer(_authorize)
    database.set_progress_handler(lambda: _must_stop(statement), STEPS_BETWEEN_LOOKS)


def _authorize(action: int, first: str | None, second: str | None, schema: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in DENIED_FUNCTIONS
    elif action == sqlite3.SQLITE_PRAGMA:
        allowed = (first or "").lower() in READING_PRAGMAS
    else:
        allowed = action in READING_ACTIONS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _must_stop(statement: Statement) -> bool:
    return statement.token.cancelled or time.monotonic() >= statement.deadline


def _fetch(database: sqlite3.Connection, statement: Statement) -> QueryResult:
    bound = bind(statement.sql, statement.params, SQLITE)
    collector = Collector(statement.limits)
    cursor = database.execute(bound.sql, [_parameter(value) for value in bound.values])
    if cursor.description is None:
        raise SqlRefused("The statement returns no rows; only reading statements can run.")
    types: list[str] = ["NULL"] * len(cursor.description)
    collector.add_rows(_noting_types(cursor, types))
    columns = [{"name": column[0], "type": kind} for column, kind in zip(cursor.description, types, strict=True)]
    return QueryResult(columns, collector.rows, collector.truncated, collector.notice)


def _noting_types(rows: Iterable[tuple[object, ...]], types: list[str]) -> Iterator[tuple[object, ...]]:
    """SQLite knows types of values, not of result columns: the first value that is not null names it."""
    for row in rows:
        for index, value in enumerate(row):
            if types[index] == "NULL" and value is not None:
                types[index] = TYPE_NAMES.get(type(value), "TEXT")
        yield row


def _parameter(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value


@contextmanager
def _errors(statement: Statement) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        raise _failure(error, statement) from error


def _failure(error: Exception, statement: Statement) -> Failure:
    name, message = getattr(error, "sqlite_errorname", ""), str(error)
    if name == "SQLITE_INTERRUPT" and (stopped := statement.stopped()):
        return stopped
    context: dict[str, Any] = {"database_message": message, "code": name or None}
    if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return LockTimeout("Another program holds the file locked for too long.", **context)
    if name in ("SQLITE_AUTH", "SQLITE_READONLY") or "one statement" in message or "prohibited" in message:
        reason = what_it_does(statement.sql, "sqlite")
        return SqlRefused(f"{reason or 'Only reading statements can run'}: {message}.", **context)
    where = where_it_breaks(statement.sql, "sqlite") if "syntax error" in message else ""
    return SqlError(f"{message}." + (f" {where}." if where else ""), **context)
