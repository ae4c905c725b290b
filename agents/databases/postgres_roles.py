"""Why a PostgreSQL role must not be used for reading: everything through which it could change something."""

from __future__ import annotations

import psycopg

# Roles the session could switch to count as well: set_config('role', …) needs no more than a SELECT.
REACHABLE = """
WITH mine AS (SELECT * FROM pg_catalog.pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')),
spaces AS (SELECT oid, nspname FROM pg_catalog.pg_namespace
           WHERE nspname <> 'information_schema' AND nspname !~ '^pg_')
"""

ATTRIBUTES = """
SELECT rolname = current_user, rolname, CASE WHEN rolsuper THEN 'is superuser' ELSE concat_ws(', ',
       CASE WHEN rolcreaterole THEN 'may create roles' END, CASE WHEN rolcreatedb THEN 'may create databases' END,
       CASE WHEN rolreplication THEN 'may replicate' END, CASE WHEN rolbypassrls THEN 'bypasses row security' END) END
FROM mine WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
ORDER BY rolname = current_user DESC LIMIT 1
"""

PREDEFINED = """SELECT rolname FROM mine WHERE rolname IN ('pg_write_all_data', 'pg_execute_server_program',
  'pg_write_server_files', 'pg_read_server_files', 'pg_signal_backend', 'pg_signal_autovacuum_worker',
  'pg_checkpoint', 'pg_create_subscription', 'pg_use_reserved_connections', 'pg_maintain') ORDER BY 1
"""

WRITABLE = """SELECT DISTINCT format('%I.%I', nspname, relname)
FROM pg_catalog.pg_class c JOIN spaces ON spaces.oid = c.relnamespace CROSS JOIN mine
WHERE (relkind IN ('r', 'p', 'v', 'm', 'f') AND
       (has_table_privilege(mine.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(mine.oid, c.oid, 'INSERT, UPDATE')))
   OR CASE WHEN relkind = 'S' THEN has_sequence_privilege(mine.oid, c.oid, 'USAGE, UPDATE') ELSE false END
ORDER BY 1 LIMIT 6
"""

CREATES = """SELECT format('schema %I', nspname) FROM spaces CROSS JOIN mine
WHERE has_schema_privilege(mine.oid, spaces.oid, 'CREATE')
UNION SELECT format('database %I', current_database()) FROM mine
WHERE has_database_privilege(mine.oid, current_database(), 'CREATE') ORDER BY 1 LIMIT 6
"""

FILES = """
SELECT DISTINCT proname FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
  AND proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export')
  AND has_function_privilege(oid, 'EXECUTE') ORDER BY 1
"""

TABLES = """
SELECT format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1 LIMIT 500
"""


def problems(database: psycopg.Connection) -> list[str]:
    """One sentence a reason; empty for a role that can only read."""
    if attributes := database.execute(REACHABLE + ATTRIBUTES).fetchone():
        is_itself, name, what = attributes
        return [f"The role {name} {what}." if is_itself else f"The role can become {name}, which {what}."]
    found = []
    if names := _column(database, REACHABLE + PREDEFINED):
        found.append(f"The role is a member of {', '.join(names)}.")
    if names := _column(database, REACHABLE + WRITABLE):
        found.append(f"The role can write {_some(names)}.")
    if names := _column(database, REACHABLE + CREATES):
        found.append(f"The role can create objects in {_some(names)}.")
    if names := _column(database, FILES):
        found.append(f"The role can reach files of the server with {', '.join(names)}.")
    return found


def readable_tables(database: psycopg.Connection) -> list[str]:
    """`schema.table`, at most 500."""
    return _column(database, TABLES)


def _column(database: psycopg.Connection, sql: str) -> list[str]:
    return [row[0] for row in database.execute(sql)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
