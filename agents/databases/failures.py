"""How a query on an instance fails."""

from __future__ import annotations

from controlplane.domain.failures import Failure


class SqlError(Failure):
    """The database refused the statement; `context` has database_message, sqlstate, line, column, hint where known."""

    kind = "sql_error"
    retryable = False


class SqlRefused(Failure):
    """The statement, or the role that would run it, is not read-only."""

    kind = "sql_refused"
    retryable = False


class LockTimeout(Failure):
    kind = "lock_timeout"


class ConnectionFailed(Failure):
    kind = "connection_failed"


class ConnectionLost(Failure):
    kind = "connection_lost"
