"""What a forked process must not use: the database connections that its parent opened."""

from __future__ import annotations

import os

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

# Kept, not closed: closing them here would end them for the parent, who goes on using them.
_of_the_parent: list[object] = []


def close_connections() -> None:
    """Before a fork: nothing is left open that a child could inherit."""
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()
        wrapper.close_pool()  # type: ignore[attr-defined]


def forget_connections() -> None:
    """In the child: connect anew when there is something to ask."""
    pools: dict[str, object] = DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
    _of_the_parent.append(dict(pools))
    pools.clear()
    for wrapper in connections.all(initialized_only=True):
        _of_the_parent.append(wrapper.connection)
        wrapper.connection = None
        wrapper.in_atomic_block = False


os.register_at_fork(after_in_child=forget_connections)
