"""Why a PostgreSQL role must not be used for reading: everything through which it could change something, see what
other sessions run, or learn a password."""

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

# Statements of others hold what is worth most: session keys, tokens, values of secrets. Settings hold passwords as well
# (primary_conninfo), and functions that scan tables show who locks which row.
WATCHING = """SELECT rolname FROM mine WHERE rolname IN
  ('pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables') ORDER BY 1
"""

# `pg_read_all_data` reads every catalog, too, and nothing can be taken away from it.
ALL_DATA = "SELECT rolname FROM mine WHERE rolname = 'pg_read_all_data'"

# What roles and other servers are signed in with, and who is let in. Of pg_subscription one column tells.
PASSWORDS = """
SELECT DISTINCT relname FROM pg_catalog.pg_class c CROSS JOIN mine
WHERE relnamespace = 'pg_catalog'::regnamespace
  AND (relname IN ('pg_authid', 'pg_shadow', 'pg_user_mapping', 'pg_hba_file_rules', 'pg_ident_file_mappings',
                   'pg_file_settings') AND has_any_column_privilege(mine.oid, c.oid, 'SELECT')
    OR relname = 'pg_subscription' AND has_column_privilege(mine.oid, c.oid, 'subconninfo', 'SELECT'))
ORDER BY 1
"""

# Files, replication, the server's log, resets: whatever PostgreSQL keeps from everybody when it is installed.
KEPT_FUNCTIONS = """
SELECT DISTINCT proname FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_proc p ON p.oid = i.objoid CROSS JOIN mine
WHERE i.classoid = 'pg_catalog.pg_proc'::regclass AND i.privtype = 'i'
  AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(i.initprivs) WHERE grantee = 0)
  AND has_function_privilege(mine.oid, p.oid, 'EXECUTE')
ORDER BY 1 LIMIT 6
"""

# They open connections of their own: those are not read-only, and lead wherever the server can reach.
ELSEWHERE = """
SELECT DISTINCT extname FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid CROSS JOIN mine
WHERE d.deptype = 'e' AND extname IN ('dblink', 'http', 'pg_background')
  AND has_schema_privilege(mine.oid, pronamespace, 'USAGE') AND has_function_privilege(mine.oid, p.oid, 'EXECUTE')
ORDER BY 1
"""

# Whoever may use a server reads the password of its own user mapping. Foreign tables can be read without.
SERVERS = """
SELECT DISTINCT srvname FROM pg_catalog.pg_foreign_server s CROSS JOIN mine
WHERE has_server_privilege(mine.oid, s.oid, 'USAGE') ORDER BY 1 LIMIT 6
"""

TABLES = """
SELECT format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1 LIMIT 500
"""


# Statement -> the sentence for what it finds.
REASONS = {
    PREDEFINED: "The role is a member of {}.",
    WRITABLE: "The role can write {}.",
    CREATES: "The role can create objects in {}.",
    WATCHING: "The role is a member of {} and sees what other sessions run, or how the server is set up.",
    ALL_DATA: "The role is a member of {}, which reads the passwords in pg_authid, too. "
    "Grant it SELECT on the tables, or on all tables of a schema, instead.",
    PASSWORDS: "The role can read {}, which tell how others sign in.",
    KEPT_FUNCTIONS: "The role can call {}, which PostgreSQL keeps from everybody.",
    ELSEWHERE: "The role can connect to other servers with the functions of {}. Revoke EXECUTE on them.",
    SERVERS: "The role may use the foreign servers {}, with their passwords. Revoke USAGE on them.",
}
# One reason is enough.
IMPLIED = {ALL_DATA: PASSWORDS, WATCHING: KEPT_FUNCTIONS}


def problems(database: psycopg.Connection) -> list[str]:
    """One sentence a reason; empty for a role that can only read."""
    if attributes := database.execute(REACHABLE + ATTRIBUTES).fetchone():
        is_itself, name, what = attributes
        return [f"The role {name} {what}." if is_itself else f"The role can become {name}, which {what}."]
    found = {sql: _column(database, REACHABLE + sql) for sql in REASONS}
    implied = {IMPLIED[sql] for sql in IMPLIED if found[sql]}
    return [REASONS[sql].format(_some(names)) for sql, names in found.items() if names and sql not in implied]


def readable_tables(database: psycopg.Connection) -> list[str]:
    """`schema.table`, at most 500."""
    return _column(database, TABLES)


def _column(database: psycopg.Connection, sql: str) -> list[str]:
    return [row[0] for row in database.execute(sql)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
