"""Our own database: how it shows that it is away, and who keeps a connection to it."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from psycopg_pool import PoolTimeout

# It restarts, or has no connection left for us.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# SQLSTATE of a broken connection, of a server that stops or starts, and of one that takes no more clients.
AWAY_STATES = ("08", "57P", "53300")
logger = logging.getLogger(__name__)


class ConnectionHeld(RuntimeError):
    """Something outside would be waited for inside a transaction of ours: a fault of the code, not of the caller."""


def is_away(error: BaseException) -> bool:
    """Whether it cannot be reached. One that answered, and refused a statement (a deadlock, say), is not."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, DATABASE_AWAY) and (state is None or state.startswith(AWAY_STATES))


def lend_connection() -> None:
    """Other threads may have this one's connection while it waits for something outside of the portal.

    Whatever waits calls it: the outbound client, the clients of databases and files, a pause. Inside an open
    transaction nothing can be lent: with STRICT_WAITING that raises ConnectionHeld, else the log says it.
    """
    if not connection.in_atomic_block:
        connection.close()
    elif not is_of_a_test():
        if settings.STRICT_WAITING:
            raise ConnectionHeld("Something outside would be waited for inside a transaction.")
        logger.error("A transaction waits for something outside", extra={"action": "connection_held"}, stack_info=True)


def is_of_a_test() -> bool:
    """Whether the open transaction is only the one that a test is wrapped in, as Django itself marks it."""
    return bool(getattr(connection.atomic_blocks[-1], "_from_testcase", False))


def use_own_connection() -> None:
    """From now on this thread connects outside of the pool, so that busy threads cannot keep it from the database."""
    own = connections[DEFAULT_DB_ALIAS].copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    connections[DEFAULT_DB_ALIAS] = own


def limit_statements(*, seconds: int, lock_seconds: int) -> None:
    """For a process whose threads answer people: PostgreSQL ends what takes longer, or waits longer for a lock.

    To be called before the process first connects. 0 stands for no limit, and sends nothing when both are 0.
    """
    if not (seconds or lock_seconds):
        return
    options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
    limits = f"-c statement_timeout={seconds * 1000} -c lock_timeout={lock_seconds * 1000}"
    options["options"] = f"{options.get('options', '')} {limits}".strip()
