"""DuckDB over CSV and Parquet files: each file a view in a database in memory that can reach nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from agents.databases.connect import Connection
from agents.databases.explain import what_it_does
from agents.databases.failures import ConnectionFailed, SqlError, SqlRefused
from agents.databases.parameters import DUCKDB, Bound, bind
from agents.databases.result import Collector, InstanceReport, QueryResult
from agents.databases.statement import Statement
from agents.databases.watchdog import watched
from controlplane.domain.failures import Failure

MEMORY_LIMIT = "256MB"
CHUNK_ROWS = 256
ZONED = "WITH TIME ZONE"
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": "1",
    "memory_limit": MEMORY_LIMIT,
    "temp_directory": "",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
SUFFIX = re.compile(r"\.(csv|tsv|parquet)(\.gz)?$", re.IGNORECASE)


def run(connection: Connection, statement: Statement) -> QueryResult:
    bound = bind(statement.sql, statement.params, DUCKDB)
    with _session(connection, statement) as database:
        return _fetch(database, bound, statement)


def inspect(connection: Connection, statement: Statement) -> InstanceReport:
    with _session(connection, statement) as database:
        database.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
        names = [str(name) for (name,) in database.fetchall()]
    return InstanceReport(server_version=f"DuckDB {duckdb.__version__}", tables=names)


def view_names(files: tuple[Path, ...]) -> dict[str, Path]:
    """`Sales 2026.csv` becomes `sales_2026`; a second file of that name gets `_2`."""
    names: dict[str, Path] = {}
    for file in files:
        stem = re.sub(r"\W+", "_", SUFFIX.sub("", file.name)).strip("_").lower() or "data"
        stem = f"t_{stem}" if stem[0].isdigit() else stem
        number, name = 1, stem
        while name in names:
            number += 1
            name = f"{stem}_{number}"
        names[name] = file
    return names


@contextmanager
def _session(connection: Connection, statement: Statement) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        _errors(statement),
        closing(duckdb.connect(":memory:", config=CONFIG)) as database,
        watched(lambda _: database.interrupt(), token=statement.token, deadline=statement.deadline, pause=0.05),
    ):
        _expose(database, connection.files)
        yield database


def _expose(database: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> None:
    """Views over the files, then the door is shut: from here on only these files can be opened."""
    for name, file in view_names(files).items():
        reader = "read_parquet" if file.name.lower().endswith(".parquet") else "read_csv"
        try:
            database.execute(f'CREATE VIEW "{name}" AS FROM {reader}({_quoted(file)})')
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            raise ConnectionFailed(f"{file.name} cannot be read: {_first_line(error)}", retryable=False) from error
    database.execute(f"SET allowed_paths = [{', '.join(map(_quoted, files))}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _checked(database: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The type is DuckDB's own reading of the text; COPY could overwrite the very files that may be read."""
    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        reason = what_it_does(sql, "duckdb")
        raise SqlRefused(f"{reason or 'Only one reading statement can run'}.")
    return statements[0]


def _fetch(database: duckdb.DuckDBPyConnection, bound: Bound, statement: Statement) -> QueryResult:
    collector = Collector(statement.limits)
    database.execute(_checked(database, bound.sql), bound.values)
    columns = [{"name": column[0], "type": str(column[1])} for column in database.description or ()]
    if any(ZONED in column["type"] for column in columns):
        database.execute(_checked(database, _zoned_as_text(bound.sql, columns)), bound.values)
    while rows := database.fetchmany(CHUNK_ROWS):
        if not collector.take(rows):
            break
    return QueryResult(columns, collector.rows, collector.truncated, collector.notice)


def _zoned_as_text(sql: str, columns: list[dict[str, str]]) -> str:
    """DuckDB hands out times with a zone only through a package that is not installed here: let it write them."""
    shown = ", ".join(_shown(number, column["type"]) for number, column in enumerate(columns, 1))
    return f"SELECT {shown} FROM ({sql.strip().rstrip(';')}\n)"  # noqa: S608 - the user's own statement


def _shown(number: int, type_name: str) -> str:
    if type_name == f"TIMESTAMP {ZONED}":
        return f"replace(CAST(#{number} AT TIME ZONE 'UTC' AS VARCHAR), ' ', 'T') || 'Z'"
    return f"CAST(#{number} AS VARCHAR)" if ZONED in type_name else f"#{number}"


@contextmanager
def _errors(statement: Statement) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, RuntimeError) as error:
        raise _failure(error, statement) from error


def _failure(error: Exception, statement: Statement) -> Failure:
    if isinstance(error, duckdb.InterruptException) and (stopped := statement.stopped()):
        return stopped
    message = _first_line(error)
    context: dict[str, Any] = {"database_message": message, "detail": str(error)[:2_000], "code": type(error).__name__}
    if isinstance(error, duckdb.PermissionException):
        return SqlRefused(f"Only the instance's own files can be read: {message}", **context)
    if isinstance(error, duckdb.OutOfMemoryException):
        return SqlError(f"The query needs more than {MEMORY_LIMIT} of memory.", **context)
    return SqlError(message, **context | _position(str(error)))


def _position(text: str) -> dict[str, int]:
    match = re.search(r"^LINE (\d+): ", text, re.MULTILINE)
    return {"line": int(match.group(1))} if match else {}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:500]


def _quoted(file: Path) -> str:
    return "'" + str(file).replace("'", "''") + "'"
