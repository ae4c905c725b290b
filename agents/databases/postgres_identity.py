"""Whether an instance leads to the portal's own database: the servers are asked who they are.

An address proves nothing: a socket, a host name, a port forward and a standby all lead to the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

Row = tuple[Any, ...]
# Everybody may ask these, unless somebody took the right to; the start tells servers apart to the microsecond.
ASK = """
SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text, oid::bigint, session_user::text,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""
# A standby and a copy of the files have it, too.
ASK_SYSTEM = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"


@dataclass(frozen=True)
class Whereabouts:
    """Where a session is: what tells its server from all others, the database's oid, and who signed in."""

    server: frozenset[str]
    database: int
    role: str


@dataclass(frozen=True)
class Portal:
    """Where the portal's own data is, and the one role for reading there that the portal made, if it did."""

    at: Whereabouts
    reader: str | None = None


def whereabouts(ask: Callable[[str], Row]) -> Whereabouts:
    """`ask` runs a statement and gives its only row."""
    start, database, role, may_ask_more = ask(ASK)
    server = [f"start {start}"] + ([f"system {ask(ASK_SYSTEM)[0]}"] if may_ask_more else [])
    return Whereabouts(frozenset(server), database, role)


def problems(database: psycopg.Connection, portal: Portal | None) -> list[str]:
    """One sentence a reason; empty for a server of somebody else, and for the portal's own reader."""
    if portal is None:
        return []
    here = whereabouts(lambda sql: database.execute(sql).fetchone() or ())
    if not here.server & portal.at.server or here.role == portal.reader:
        return []
    if here.database == portal.at.database:
        return ["This address leads to the portal's own database, which instances must not read."]
    if here.role == portal.at.role:
        return [f"{here.role} is the role that the portal itself signs in with. Make a role that only reads."]
    return []
