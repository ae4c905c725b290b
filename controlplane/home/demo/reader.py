"""A PostgreSQL role that can only look: how the demo reads the portal's own database."""

from __future__ import annotations

import secrets
from urllib.parse import quote, urlencode

from django.db import DatabaseError, connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from agents.databases.own_database import reader_role

COMMENT = "Reads statistics for the demo project of Spark-Ops."
KEPT_OPTIONS = ("sslmode", "sslrootcert")
# What the demo's queries read, and no column that holds anybody's data.
GRANTS = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON runs_worker TO {role}",
    "GRANT SELECT (id, state, held, queued_at) ON runs_steprun TO {role}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
)
# Lets it see what other sessions wait for. Not everybody may hand it on; without it the figures are only coarser.
STATISTICS = "GRANT pg_read_all_stats TO {role}"


def make_reader() -> str | None:
    """The URL for a role that reads our database and cannot write; None where we may not make it.

    The role is made, or gets a new password when it was made here before; anybody else's role of that name is left
    alone. It must be committed before anybody connects with it.
    """
    password = secrets.token_urlsafe(24)
    known = comment_on_role()
    if known not in (None, COMMENT):
        return None
    try:
        with transaction.atomic():
            make_role("ALTER" if known else "CREATE", password)
    except DatabaseError:
        return None
    return url_with(password)


def drop_reader() -> None:
    """Take the role away again, if it was made here."""
    if comment_on_role() != COMMENT:
        return
    with transaction.atomic():
        # Whoever made a role may become a member of it, and only members may take its rights away.
        run("GRANT {role} TO CURRENT_USER")
        run("DROP OWNED BY {role}")
        run("DROP ROLE {role}")


def comment_on_role() -> str | None:
    """What is written on the role; empty for nothing, None when there is no such role."""
    with connection.cursor() as cursor:
        sql = "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = %s"
        cursor.execute(sql, [role_name()])
        found = cursor.fetchone()
    return found[0] if found else None


def make_role(verb: str, password: str) -> None:
    run(verb + " ROLE {role} LOGIN PASSWORD {password}", password=Literal(password))
    run("COMMENT ON ROLE {role} IS {comment}", comment=Literal(COMMENT))
    for grant in GRANTS:
        run(grant)
    try:
        with transaction.atomic():
            run(STATISTICS)
    except DatabaseError:
        return


def run(statement: str, **parts: Literal) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        names = {"role": role_name(), "database": database_name(), "schema": cursor.fetchone()[0]}
        identifiers = {name: Identifier(value) for name, value in names.items()}
        cursor.execute(SQL(statement).format(**identifiers, **parts).as_string(cursor.connection))


def database_name() -> str:
    return connection.settings_dict["NAME"]


def role_name() -> str:
    """One for each database, because roles belong to the whole server."""
    return reader_role()


def url_with(password: str) -> str:
    """The address Django itself is connected to, for the reader."""
    connection.ensure_connection()
    server, options = connection.connection.info, connection.settings_dict["OPTIONS"]
    query = {"host": server.host, "port": server.port}
    query |= {name: options[name] for name in KEPT_OPTIONS if options.get(name)}
    return f"postgresql://{quote(role_name())}:{password}@/{quote(database_name(), safe='')}?{urlencode(query)}"
