"""DuckDB over CSV and Parquet files: each file a view in a database in memory that can reach nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from agents.databases.connect import DATA_SUFFIXES, Connection
from agents.databases.csv_files import SAMPLE_ROWS, quoted
from agents.databases.duckdb_files import Misfit, Source, expose, needed, reading, source, view_names
from agents.databases.explain import what_it_does
from agents.databases.failures import SqlError, SqlRefused
from agents.databases.files import find_files
from agents.databases.parameters import DUCKDB, Bound, bind
from agents.databases.result import Collector, InstanceReport, QueryResult
from agents.databases.statement import Statement
from agents.databases.watchdog import watched
from controlplane.domain.failures import Failure, Misconfigured
from controlplane.domain.json_schema import suggestion

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
# TRY would hide a value that does not fit its column.
TRYING = re.compile(r"\btry\s*\(", re.IGNORECASE)


def run(connection: Connection, statement: Statement) -> QueryResult:
    """A column whose later values do not fit what its first ones are is read once more, as text."""
    bound = bind(statement.sql, statement.params, DUCKDB)
    if not TRYING.search(bound.sql):
        with suppress(Misfit):
            return _answer(connection, bound, statement, sample=SAMPLE_ROWS)
    return _answer(connection, bound, statement, sample=None)


def inspect(connection: Connection, statement: Statement) -> InstanceReport:
    with _session(statement) as database:
        names = view_names(_files(connection, statement))
        for name, file in names.items():
            statement.check()
            with source(name, file) as one, reading([one]):
                _look_at(database, one)
    return InstanceReport(server_version=f"DuckDB {duckdb.__version__}", tables=sorted(names))


def _answer(connection: Connection, bound: Bound, statement: Statement, *, sample: int | None) -> QueryResult:
    with ExitStack() as files, _session(statement) as database:
        names = view_names(_files(connection, statement))
        asked = " ".join([bound.sql, *(value for value in bound.values if isinstance(value, str))])
        sources = [files.enter_context(source(*one)) for one in needed(names, asked).items()]
        with reading(sources, may_misfit=sample is not None), _hinting(names):
            notices = [expose(database, one, sample=sample) for one in sources]
            _shut(database, sources)
            result = _fetch(database, bound, statement)
    told = [notice for notice in (*notices, result.notice) if notice]
    return replace(result, notice=" ".join(told) or None)


def _files(connection: Connection, statement: Statement) -> list[Path]:
    files = find_files(connection.location, DATA_SUFFIXES, statement)
    if not files:
        raise Misconfigured(f"There is no CSV, TSV or Parquet file at {connection.location.typed}.")
    return files


def _look_at(database: duckdb.DuckDBPyConnection, one: Source) -> None:
    """Its beginning. An empty file is a fault only of the statement that reads it."""
    if not one.is_csv:
        database.execute(f"FROM read_parquet({quoted(one.path)}) LIMIT 0")
    elif one.state[0]:
        one.layout()


@contextmanager
def _session(statement: Statement) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        _errors(statement),
        closing(duckdb.connect(":memory:", config=CONFIG)) as database,
        watched(lambda _: database.interrupt(), token=statement.token, deadline=statement.deadline, pause=0.05),
    ):
        yield database


def _shut(database: duckdb.DuckDBPyConnection, sources: list[Source]) -> None:
    """From here on only these files can be opened."""
    database.execute(f"SET allowed_paths = [{', '.join(quoted(one.path) for one in sources)}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


@contextmanager
def _hinting(names: Mapping[str, Path]) -> Iterator[None]:
    """A table that is not there: which one may be meant."""
    try:
        yield
    except duckdb.CatalogException as error:
        wanted = re.search(r"Table with name (\S+) does not exist", str(error))
        raise SqlError(_first_line(error) + suggestion(wanted[1], list(names)), **_context(error)) if wanted else error


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
        if not collector.add_rows(rows):
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
    message, context = _first_line(error), _context(error)
    if isinstance(error, duckdb.PermissionException):
        return SqlRefused(f"Only the instance's own files can be read: {message}", **context)
    if isinstance(error, duckdb.OutOfMemoryException):
        return SqlError(f"The query needs more than {MEMORY_LIMIT} of memory.", **context)
    return SqlError(message, **context)


def _context(error: Exception) -> dict[str, Any]:
    details = {"database_message": _first_line(error), "detail": str(error)[:2_000], "code": type(error).__name__}
    return details | _position(str(error))


def _position(text: str) -> dict[str, int]:
    match = re.search(r"^LINE (\d+): ", text, re.MULTILINE)
    return {"line": int(match.group(1))} if match else {}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:500]
