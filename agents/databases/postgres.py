"""PostgreSQL: a fresh connection, a read-only transaction, one statement, and a cancel that reaches the server."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from agents.databases import postgres_identity, postgres_roles, postgres_types
from agents.databases.connect import Connection
from agents.databases.explain import what_it_does
from agents.databases.failures import ConnectionLost, LockTimeout, SqlError, SqlRefused
from agents.databases.parameters import POSTGRES, Bound, bind, place_of
from agents.databases.postgres_address import options_for
from agents.databases.postgres_parameters import Typed, columns_of, typed
from agents.databases.postgres_silence import unreached
from agents.databases.result import Collector, InstanceReport, QueryResult
from agents.databases.statement import Statement
from agents.databases.watchdog import watched
from controlplane.domain.failures import Failure, TimedOut
from controlplane.domain.redaction import Redactor
from controlplane.outbound.background import in_background

CONNECT_SECONDS = 10.0
# Of the time there is: who waits hears that nothing answers, not that time ran out.
CONNECT_SHARE = 0.8
CANCEL_SECONDS = 1.0
CHUNK_ROWS = 100
VERIFIED_SECONDS = 600.0
REFUSED_STATES = ("25006", "25001", "42501", "0A000")
RETRYABLE_CLASSES = ("40", "53", "57", "58")
LOST_CLASSES = ("08",)
LOST_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03")
CANCELLED, LOCKED = "57014", "55P03"
TWO_STATEMENTS = "cannot insert multiple commands"

PREPARE_SESSION = """
SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', $1, false),
       set_config('default_transaction_read_only', 'on', false), set_config('TimeZone', 'UTC', false),
       set_config('IntervalStyle', 'iso_8601', false), set_config('DateStyle', 'ISO', false),
       set_config('client_min_messages', 'error', false)
"""


def run(connection: Connection, statement: Statement) -> QueryResult:
    bound = bind(statement.sql, statement.params, POSTGRES)
    with _session(connection, statement) as database:
        with _errors(bound, statement, connection):
            _require_reader(connection, database)
            sent = _sent(database, bound, statement)
        with _errors(sent.bound, statement, connection):
            return _fetch(database, sent, statement)


def _sent(database: psycopg.Connection, bound: Bound, statement: Statement) -> Typed:
    """With the types of its values; in `:day IS NULL OR day = :day` it takes the two for one only if they are two."""
    if not bound.values:
        return Typed(bound, [], [])
    apart = [bind(statement.sql, statement.params, POSTGRES, apart=True)] if len(bound.spans) > len(bound.names) else []
    return typed(database, [bound, *apart])


def inspect(connection: Connection, statement: Statement) -> InstanceReport:
    with _session(connection, statement) as database, _errors(Bound(statement.sql), statement, connection):
        return InstanceReport(
            problems=_problems(connection, database),
            server_version=_version(database),
            tables=postgres_roles.readable_tables(database),
        )


@contextmanager
def _session(connection: Connection, statement: Statement) -> Iterator[psycopg.Connection]:
    database = _connected(connection, statement)
    ended = False

    def stop(attempt: int) -> None:
        if attempt >= 2:
            _break(database)
        else:
            database.cancel_safe(timeout=CANCEL_SECONDS)

    try:
        with watched(stop, token=statement.token, deadline=statement.deadline, pause=0.5):
            with _errors(Bound(""), statement, connection):
                _prepare(database, statement)
            yield database
        ended = True
    finally:
        _close(database, quickly=not ended)


def _connected(connection: Connection, statement: Statement) -> psycopg.Connection:
    """Resolving, checking and the handshake, left behind when they take too long."""
    patience = min(CONNECT_SECONDS, CONNECT_SHARE * statement.remaining())

    def connect() -> psycopg.Connection:
        options: dict[str, Any] = options_for(connection.conninfo, seconds=max(1, round(patience)))
        return psycopg.connect(**options, cursor_factory=psycopg.RawCursor, row_factory=tuple_row)

    try:
        return in_background(
            connect,
            token=statement.token,
            deadline=time.monotonic() + patience,
            discard=psycopg.Connection.close,
        )
    except (psycopg.Error, TimedOut) as error:
        raise unreached(connection, error) from error


def _prepare(database: psycopg.Connection, statement: Statement) -> None:
    """Begin the read-only transaction. The statement that sets the limits also takes its first snapshot, after
    which PostgreSQL lets nobody make it writable again."""
    postgres_types.set_adapters(database)
    database.read_only = True
    milliseconds = max(1, round(statement.remaining() * 1000))
    lock = max(1, min(milliseconds, round(statement.limits.lock_timeout_seconds * 1000)))
    database.execute(PREPARE_SESSION, [str(milliseconds), str(lock)])


_verified: dict[tuple[tuple[str, str], ...], float] = {}
_verified_lock = threading.Lock()


def _require_reader(connection: Connection, database: psycopg.Connection) -> None:
    """What a test refuses is refused at run time too; the answer is good for ten minutes per process."""
    key = tuple(sorted(connection.conninfo.items()))
    with _verified_lock:
        fresh = _verified.get(key, 0.0) > time.monotonic()
    if fresh:
        return
    if problems := _problems(connection, database):
        raise SqlRefused(f"The instance must not be used: {problems[0]}", problems=problems)
    with _verified_lock:
        _verified[key] = time.monotonic() + VERIFIED_SECONDS


def _problems(connection: Connection, database: psycopg.Connection) -> list[str]:
    portal = connection.portal() if connection.portal else None
    return postgres_identity.problems(database, portal) or postgres_roles.problems(database)


def _fetch(database: psycopg.Connection, sent: Typed, statement: Statement) -> QueryResult:
    """Extended protocol (one statement only), rows in chunks; a full collector ends the statement on the server."""
    collector = Collector(statement.limits)
    with database.cursor() as cursor:
        with closing(cursor.stream(sent.bound.sql, sent.values, size=CHUNK_ROWS)) as rows:  # type: ignore[type-var]
            collector.add_rows(rows)
        columns = [{"name": column.name, "type": column.type_display} for column in cursor.description or ()]
    # A stream without rows has no description.
    columns = columns or postgres_types.columns(database, sent.columns or columns_of(database, sent.bound.sql))
    if not columns:
        raise SqlRefused("The statement returns no rows; only reading statements can run.")
    return QueryResult(columns, collector.rows, collector.truncated, collector.notice)


def _version(database: psycopg.Connection) -> str:
    return database.info.parameter_status("server_version") or ""


def _break(database: psycopg.Connection) -> None:
    with socket.socket(fileno=os.dup(database.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def _close(database: psycopg.Connection, *, quickly: bool) -> None:
    if quickly and not database.closed:
        try:
            database.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            pass
    database.close()


@contextmanager
def _errors(bound: Bound, statement: Statement, connection: Connection) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        failure = statement.stopped() if _interrupted(error) else None
        raise failure or _failure(error, bound, statement, Redactor(connection.secrets)) from error


def _interrupted(error: psycopg.Error) -> bool:
    return error.sqlstate in (None, CANCELLED) or isinstance(error, psycopg.OperationalError)


def _failure(error: psycopg.Error, bound: Bound, statement: Statement, redactor: Redactor) -> Failure:
    diagnostic = error.diag
    message = redactor.text(diagnostic.message_primary or str(error).strip())
    context: dict[str, Any] = {
        "sqlstate": error.sqlstate,
        "database_message": message,
        "detail": redactor.text(diagnostic.message_detail or "") or None,
        "hint": redactor.text(diagnostic.message_hint or "") or None,
        **_position(diagnostic.statement_position, bound, statement.sql),
    }
    unexplained = error.sqlstate is None and isinstance(error, psycopg.OperationalError)
    if unexplained or (error.sqlstate or "")[:2] in LOST_CLASSES or error.sqlstate in LOST_STATES:
        return ConnectionLost(f"The connection to the database broke: {message}", **context)
    if error.sqlstate == LOCKED:
        return LockTimeout("Another session holds a lock on the data for too long.", **context)
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:
        return SqlError(f"{message}.", **context)
    if error.sqlstate is None:
        reason = what_it_does(statement.sql, "postgres") or "The statement returns no rows"
        return SqlRefused(f"{reason}; only reading statements can run.", **context)
    if error.sqlstate in REFUSED_STATES or TWO_STATEMENTS in message:
        reason = what_it_does(statement.sql, "postgres")
        return SqlRefused(f"{reason}: {message}." if reason else f"{message}.", **context)
    retryable = (error.sqlstate or "")[:2] in RETRYABLE_CLASSES
    return SqlError(f"{message}.", retryable=retryable, **context)


def _position(text: str | None, bound: Bound, sql: str) -> dict[str, int]:
    return place_of(sql, bound.original(int(text) - 1)) if text and text.isdecimal() else {}
