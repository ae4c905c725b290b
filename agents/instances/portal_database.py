"""What instances must know of the portal's own database: where it is, and which role may read there."""

from __future__ import annotations

from typing import Any

from django.db import connection

from agents.databases.own_database import reader_role
from agents.databases.postgres_identity import Portal, whereabouts

COMMENT = "Reads statistics for the demo project of Spark-Ops."
COMMENT_ON = "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = %s"


def locate_portal() -> Portal:
    """Asked anew each time, for servers fail over; leaves the thread without a connection when it had none."""
    had_one = connection.connection is not None
    try:
        return Portal(whereabouts(ask), reader_role() if comment_on_reader() == COMMENT else None)
    finally:
        if not had_one:
            connection.close()


def comment_on_reader() -> str | None:
    """What is written on the role; empty for nothing, None when there is no such role."""
    found = ask(COMMENT_ON, [reader_role()])
    return found[0] if found else None


def database_name() -> str:
    return connection.settings_dict["NAME"]


def ask(sql: str, params: list[Any] | None = None) -> tuple[Any, ...]:
    """The first row; empty when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() or ()
