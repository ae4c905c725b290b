"""A PostgreSQL role that sees figures of the portal's own database and nothing else: how the demo looks at it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.db import DatabaseError, connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from agents.databases.own_database import reader_role
from agents.instances.portal_database import COMMENT, comment_on_reader, database_name
from controlplane.embedded.logins import READERS

KEPT_OPTIONS = ("sslmode", "sslrootcert")
RIGHTS = Path(__file__).with_name("health.sql")
# The server that the portal brings along admits members of this group only.
ADMIT = f"""
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{READERS}') THEN GRANT {READERS} TO {{role}}; END IF;
END $$
"""


def make_reader() -> str | None:
    """The URL for a role that reads our database's figures and cannot write; None where we may not make it.

    One that was made here before is made anew, with another password and with nothing that it was given since; anybody
    else's role of that name is left alone. It must be committed before anybody connects with it.
    """
    password = secrets.token_urlsafe(24)
    if comment_on_reader() not in (None, COMMENT):
        return None
    try:
        with transaction.atomic():
            drop_reader()
            create_reader(password)
    except DatabaseError:
        return None
    return url_with(password)


def drop_reader() -> None:
    """Take the role away again, if it was made here."""
    if comment_on_reader() != COMMENT:
        return
    with transaction.atomic():
        # Whoever made a role may become a member of it, and only members may take its rights away.
        run("GRANT {role} TO CURRENT_USER")
        run("DROP OWNED BY {role}")
        run("DROP ROLE {role}")


def create_reader(password: str) -> None:
    run("CREATE ROLE {role} LOGIN PASSWORD {verifier}", verifier=Literal(verifier(password)))
    run("COMMENT ON ROLE {role} IS {comment}", comment=Literal(COMMENT))
    run(RIGHTS.read_text(encoding="utf-8"))
    run(ADMIT)


def verifier(password: str) -> str:
    """What PostgreSQL keeps of the password (SCRAM), so that the statement does not hold the password itself."""
    connection.ensure_connection()
    wire = connection.connection.pgconn
    return wire.encrypt_password(password.encode(), reader_role().encode(), b"scram-sha-256").decode()


def run(statements: str, **parts: Literal) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_schema(), 'public')")
        names = {"role": reader_role(), "database": database_name(), "schema": cursor.fetchone()[0]}
        identifiers: dict[str, Any] = {name: Identifier(value) for name, value in names.items()}
        cursor.execute(SQL(statements).format(**identifiers, **parts).as_string(cursor.connection))


def url_with(password: str) -> str:
    """The address Django itself is connected to, for the reader."""
    connection.ensure_connection()
    server, options = connection.connection.info, connection.settings_dict["OPTIONS"]
    query = {"host": server.host, "port": server.port}
    query |= {name: options[name] for name in KEPT_OPTIONS if options.get(name)}
    return f"postgresql://{quote(reader_role())}:{password}@/{quote(database_name(), safe='')}?{urlencode(query)}"
