"""How our own database shows that it is away."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

# It restarts, or has no connection left for us.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# SQLSTATE of a broken connection, of a server that stops or starts, and of one that takes no more clients.
AWAY_STATES = ("08", "57P", "53300")


def is_away(error: BaseException) -> bool:
    """Whether it cannot be reached. One that answered, and refused a statement (a deadlock, say), is not."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, DATABASE_AWAY) and (state is None or state.startswith(AWAY_STATES))
