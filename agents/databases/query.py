"""Run one reading statement on an instance, or test whether the instance may be used at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

from agents.databases import postgres, sqlite
from agents.databases.connect import Connection
from agents.databases.parameters import DIALECTS, refuse_own_placeholders
from agents.databases.result import InstanceReport, QueryLimits, QueryResult
from agents.databases.statement import Statement
from controlplane.domain.cancellation import CancelToken, limit_of
from controlplane.domain.database import lend_connection
from controlplane.domain.failures import Failure, Misconfigured

MAX_SQL_CHARACTERS = 1_000_000
INSPECT_SECONDS = 15.0


def run_query(
    connection: Connection,
    sql: str,
    params: Mapping[str, object],
    *,
    token: CancelToken,
    timeout_seconds: float = 30.0,
    max_rows: int = 1_000,
    max_bytes: int = 5 * 1024 * 1024,
    lock_timeout_seconds: float = 5.0,
    whose: str = "",
) -> QueryResult:
    """Run one reading statement; `:name` in it is bound to `params["name"]`, never pasted.

    The time limit is `whose`, or that of the token if it ends sooner; a failure says which it was. Rows beyond
    `max_rows` or `max_bytes` (as JSON) are left out with a notice. Raises `sql_refused` (not a reading statement, or
    a role that could write), `sql_error`, `lock_timeout`, `address_refused`, `connection_failed`, `connection_lost`,
    `timeout`, `cancelled` or `misconfigured`. Nothing keeps running after it returns or raises.
    """
    started = time.monotonic()
    limits = QueryLimits(max_rows, max_bytes, timeout_seconds, lock_timeout_seconds, whose)
    statement = _statement(sql, params, limits, token, started)
    refuse_own_placeholders(sql, DIALECTS[connection.kind])
    lend_connection()
    result = _driver(connection.kind).run(connection, statement)
    return replace(result, duration_ms=round((time.monotonic() - started) * 1000))


def inspect(connection: Connection, *, token: CancelToken | None = None) -> InstanceReport:
    """Connect and look: version, readable tables, and every reason why the instance must not be used.

    Never raises a `Failure`; what went wrong is in `problems`. Takes at most 15 seconds.
    """
    started = time.monotonic()
    limits = QueryLimits(timeout_seconds=INSPECT_SECONDS)
    lend_connection()
    try:
        statement = _statement("SELECT 1", {}, limits, token or CancelToken(), started)
        report = _driver(connection.kind).inspect(connection, statement)
    except Failure as failure:
        report = InstanceReport(problems=[failure.message])
    return replace(report, latency_ms=round((time.monotonic() - started) * 1000))


def _statement(
    sql: str, params: Mapping[str, object], limits: QueryLimits, token: CancelToken, started: float
) -> Statement:
    if not sql.strip():
        raise Misconfigured("There is no SQL to run.")
    if "\x00" in sql or len(sql) > MAX_SQL_CHARACTERS:
        raise Misconfigured(f"The SQL holds a NUL character or more than {MAX_SQL_CHARACTERS:,} characters.")
    token.check()
    deadline, limit = started + limits.timeout_seconds, limit_of(limits.timeout_seconds, limits.whose)
    if token.deadline is not None and token.deadline <= deadline:
        deadline, limit = token.deadline, token.limit
    return Statement(sql, params, limits, token, deadline, limit)


def _driver(kind: str) -> ModuleType:
    if kind != "duckdb":
        return {"postgres": postgres, "sqlite": sqlite}[kind]
    # It takes a tenth of a second to load; a process that never meets one need not.
    from agents.databases import duckdb

    return duckdb
