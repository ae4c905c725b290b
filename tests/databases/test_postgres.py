"""PostgreSQL: a role that cannot write, a transaction that cannot write, a statement that stops on the server."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from agents.databases import postgres
from agents.databases.connect import parse_connection
from agents.databases.query import inspect
from controlplane.domain.cancellation import CancelToken
from tests.databases.conftest import READER, owner_url, problem, query

SNAPSHOT = """
SELECT (SELECT array_agg(p ORDER BY id) FROM people p), (SELECT last_value FROM counter),
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""


@pytest.fixture(autouse=True)
def _forget_verified_roles():
    postgres._verified.clear()


def running(server: psycopg.Connection) -> list[str]:
    rows = server.execute("SELECT query FROM pg_stat_activity WHERE usename = %s", [READER])
    return [row[0] for row in rows]


def gone(server: psycopg.Connection) -> bool:
    """Waits a second at most: a backend takes a moment to end after its client."""
    deadline = time.monotonic() + 1
    while running(server) and time.monotonic() < deadline:
        pass
    return not running(server)


class TestValues:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("1.50::numeric", "1.50"),
            ("'NaN'::numeric", "NaN"),
            ("'NaN'::float8", None),
            ("'Infinity'::float4", None),
            ("1.5::float8", 1.5),
            ("9223372036854775807", 9223372036854775807),
            ("'2026-01-02 03:04:05+02'::timestamptz", "2026-01-02T01:04:05Z"),
            ("'2026-01-02 03:04:05.5'::timestamp", "2026-01-02T03:04:05.5"),
            ("'infinity'::timestamptz", "infinity"),
            ("'12026-01-02'::date", "12026-01-02"),
            ("'04:05'::time", "04:05:00"),
            ("interval '1 day 2 hours'", "P1DT2H"),
            ("'\\x0102'::bytea", "base64:AQI="),
            ("'550e8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"),
            ("ARRAY[1, NULL]", [1, None]),
            ("ARRAY[1.5::numeric]", ["1.5"]),
            ('\'{"a": [1, {"b": null}]}\'::jsonb', {"a": [1, {"b": None}]}),
            ('\'{"a": "\\u0000"}\'::json', {"a": "\ufffd"}),
            ("int4range(1, 5)", "[1,5)"),
            ("'10.0.0.1'::inet", "10.0.0.1"),
            ("(1, 'x')", ["1", "x"]),
            ("true", True),
            ("NULL", None),
        ],
    )
    def test_they_are_json_ready(self, reader, expression, value):
        assert query(reader, f"SELECT {expression} AS v").rows == [[value]]

    def test_json_too_deep_to_parse_stays_text(self, reader):
        ((value,),) = query(reader, "SELECT (repeat('[', 3000) || repeat(']', 3000))::json").rows
        assert value == "[" * 3000 + "]" * 3000

    def test_columns_tell_their_types(self, reader):
        result = query(reader, "SELECT id, name, paid, joined FROM people ORDER BY id")
        assert [column["type"] for column in result.columns] == ["int4", "text", "numeric", "timestamptz"]
        assert result.rows[0] == [1, "Ada", "1.50", "2026-01-02T02:04:05Z"]

    @pytest.mark.parametrize(
        ("sql", "value", "row"),
        [
            ("SELECT id FROM people WHERE id = ANY(:v)", [2, 7], [2]),
            ("SELECT CAST(:v AS jsonb) ->> 'a'", {"a": "b"}, ["b"]),
            ("SELECT CAST(:v AS date) + 1", "2026-01-31", ["2026-02-01"]),
            ("SELECT :v::int", None, [None]),
            ("SELECT :v::bool", True, [True]),
            ("SELECT name FROM people LIMIT :v", 1, ["Ada"]),
            ("SELECT '%s %% $1' || :v::text", "x", ["%s %% $1x"]),
        ],
    )
    def test_json_values_work_as_parameters(self, reader, sql, value, row):
        assert query(reader, sql, {"v": value}).rows == [row]


class TestReadOnly:
    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO people VALUES (9)",
            "WITH x AS (DELETE FROM people RETURNING *) SELECT * FROM x",
            "SELECT nextval('counter')",
            "SELECT setval('counter', 99)",
            "BEGIN READ WRITE; INSERT INTO people VALUES (9); COMMIT",
            "COMMIT",
            "DO $$ BEGIN COMMIT; INSERT INTO people VALUES (9); END $$",
            "SELECT set_config('transaction_read_only', 'off', true)",
            "SET default_transaction_read_only = off",
            "SET TRANSACTION READ WRITE",
            "COPY people TO PROGRAM 'id'",
            "COPY people TO '/tmp/out'",
            "COPY people FROM '/etc/passwd'",
            "COPY people TO STDOUT",
            "SELECT pg_read_file('/etc/hostname')",
            "SELECT lo_import('/etc/hostname')",
            "SELECT lo_create(0)",
            "CREATE TABLE mine (a int)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "TRUNCATE people",
            "SELECT * INTO copied FROM people",
            "SELECT * FROM people FOR UPDATE",
            "LOCK TABLE people IN EXCLUSIVE MODE",
            "PREPARE p AS DELETE FROM people",
            "EXPLAIN ANALYZE DELETE FROM people",
            "GRANT ALL ON people TO public",
            "SET ROLE postgres",
            "LISTEN x",
            "VACUUM",
        ],
    )
    @pytest.mark.parametrize("who", ["reader", "owner"])
    def test_no_statement_changes_anything(self, request, server, monkeypatch, sql, who):
        """Also when the role could write: then the role check is left out here to see the transaction hold."""
        before = server.execute(SNAPSHOT).fetchone()
        if who == "owner":
            monkeypatch.setattr(postgres, "_require_reader", lambda connection, database: None)
        connection = request.getfixturevalue("reader" if who == "reader" else "owner_connection")
        by_superuser = sql in ("COPY people TO PROGRAM 'id'", "COPY people TO '/tmp/out'") or "pg_read_file" in sql
        if not (who == "owner" and by_superuser):
            assert problem(connection, sql).kind in ("sql_refused", "sql_error")
        assert server.execute(SNAPSHOT).fetchone() == before

    @pytest.mark.parametrize(
        ("sql", "word"),
        [
            ("INSERT INTO people VALUES (9)", "INSERT writes"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("SET statement_timeout = 0", "SET is not a reading statement"),
        ],
    )
    def test_a_refusal_says_why_in_plain_words(self, reader, sql, word):
        failure = problem(reader, sql)
        assert failure.kind == "sql_refused"
        assert word in failure.message

    def test_reading_statements_of_other_kinds_run(self, reader):
        assert query(reader, "SHOW server_version").rows
        assert query(reader, "EXPLAIN SELECT * FROM people").rows
        assert query(reader, "TABLE people").row_count == 2
        assert query(reader, "VALUES (1), (2);").row_count == 2


class TestStopping:
    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT pg_sleep(30)",
            "SELECT set_config('statement_timeout', '0', false), pg_sleep(30)",
            "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b",
        ],
    )
    def test_nothing_is_left_on_the_server_after_the_time_limit(self, reader, server, sql):
        started = time.monotonic()
        assert problem(reader, sql, timeout_seconds=0.7).kind == "timeout"
        assert time.monotonic() - started < 10
        assert gone(server)

    def test_nothing_is_left_on_the_server_after_a_cancel(self, reader, server):
        token = CancelToken()

        def cancel_once_it_runs() -> None:
            deadline = time.monotonic() + 20
            with psycopg.connect(owner_url(), autocommit=True) as own:
                while not any("pg_sleep" in text for text in running(own)) and time.monotonic() < deadline:
                    pass
            token.cancel()

        threading.Thread(target=cancel_once_it_runs).start()
        assert problem(reader, "SELECT pg_sleep(30)", token=token, timeout_seconds=30).kind == "cancelled"
        assert gone(server)

    def test_ten_million_rows_are_cut_and_the_server_stops(self, reader, server):
        result = query(reader, "SELECT a, b FROM generate_series(1, 3200) a, generate_series(1, 3200) b", max_rows=10)
        assert result.truncated
        assert gone(server)

    def test_a_lock_is_waited_for_only_so_long(self, reader, server):
        with psycopg.connect(owner_url()) as other:
            other.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
            failure = problem(reader, "SELECT * FROM people", lock_timeout_seconds=0.2)
        assert (failure.kind, failure.retryable) == ("lock_timeout", True)

    def test_a_server_that_dies_is_a_lost_connection(self, reader, server):
        def kill() -> None:
            deadline = time.monotonic() + 20
            with psycopg.connect(owner_url(), autocommit=True) as own:
                while not any("pg_sleep" in text for text in running(own)) and time.monotonic() < deadline:
                    pass
                own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [READER])

        threading.Thread(target=kill).start()
        failure = problem(reader, "SELECT pg_sleep(30)", timeout_seconds=30)
        assert (failure.kind, failure.retryable) == ("connection_lost", True)


class TestErrors:
    def test_the_place_of_an_error_is_in_the_text_as_written(self, reader):
        failure = problem(reader, "SELECT :first,\n  nope FROM people", {"first": "x"})
        assert failure.context["sqlstate"] == "42703"
        assert (failure.context["line"], failure.context["column"]) == (2, 3)

    def test_a_hint_is_passed_on(self, reader):
        assert "people.name" in problem(reader, "SELECT nam FROM people").context["hint"]

    def test_forbidden_data_is_refused(self, reader, server):
        assert problem(reader, "SELECT * FROM pg_authid").kind == "sql_refused"

    def test_an_unreachable_server_is_a_failed_connection(self, settings):
        settings.OUTBOUND_ALLOW = ["127.0.0.1:1"]
        connection = parse_connection("postgres", "postgresql://a:hush-hush@127.0.0.1:1/d")
        failure = problem(connection, "SELECT 1")
        assert (failure.kind, failure.retryable, failure.acted) == ("connection_failed", True, False)
        assert "hush-hush" not in failure.message
        assert inspect(connection).ok is False


class TestRoles:
    def test_a_superuser_is_refused_at_inspection_and_at_run_time(self, owner_connection):
        assert any("superuser" in text for text in inspect(owner_connection).problems)
        failure = problem(owner_connection, "SELECT 1")
        assert failure.kind == "sql_refused"
        assert "superuser" in failure.message

    @pytest.mark.parametrize(
        ("grant", "revoke", "word"),
        [
            ("GRANT INSERT ON people TO READER", "REVOKE INSERT ON people FROM READER", "write public.people"),
            ("GRANT DELETE ON people TO READER", "REVOKE DELETE ON people FROM READER", "write public.people"),
            ("GRANT TRIGGER ON people TO READER", "REVOKE TRIGGER ON people FROM READER", "write public.people"),
            ("GRANT UPDATE (name) ON people TO READER", "REVOKE UPDATE (name) ON people FROM READER", "people"),
            ("GRANT UPDATE ON people TO public", "REVOKE UPDATE ON people FROM public", "write public.people"),
            ("GRANT USAGE ON SEQUENCE counter TO READER", "REVOKE USAGE ON SEQUENCE counter FROM READER", "counter"),
            ("GRANT CREATE ON SCHEMA public TO READER", "REVOKE CREATE ON SCHEMA public FROM READER", "schema public"),
            (
                "GRANT CREATE ON DATABASE INSTANCES TO READER",
                "REVOKE CREATE ON DATABASE INSTANCES FROM READER",
                "objects in database instances",
            ),
            ("ALTER ROLE READER CREATEROLE", "ALTER ROLE READER NOCREATEROLE", "create roles"),
            ("ALTER ROLE READER CREATEDB", "ALTER ROLE READER NOCREATEDB", "create databases"),
            ("ALTER ROLE READER BYPASSRLS", "ALTER ROLE READER NOBYPASSRLS", "row security"),
            ("ALTER ROLE READER REPLICATION", "ALTER ROLE READER NOREPLICATION", "replicate"),
            ("ALTER ROLE READER SUPERUSER", "ALTER ROLE READER NOSUPERUSER", "superuser"),
            ("GRANT pg_write_all_data TO READER", "REVOKE pg_write_all_data FROM READER", "pg_write_all_data"),
            (
                "GRANT pg_execute_server_program TO READER",
                "REVOKE pg_execute_server_program FROM READER",
                "pg_execute_server_program",
            ),
            ("GRANT pg_read_server_files TO READER", "REVOKE pg_read_server_files FROM READER", "pg_read_server_files"),
            (
                "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO READER",
                "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM READER",
                "pg_read_file",
            ),
            (
                "CREATE ROLE READER_writer; GRANT INSERT ON people TO READER_writer; "
                "GRANT READER_writer TO READER WITH INHERIT FALSE",
                "DROP OWNED BY READER_writer; DROP ROLE READER_writer",
                "write public.people",
            ),
        ],
    )
    def test_a_role_that_could_change_something_is_refused(self, reader, granted, grant, revoke, word):
        granted(grant, revoke)
        report = inspect(reader)
        assert not report.ok
        assert word in " ".join(report.problems)
        assert problem(reader, "SELECT 1").kind == "sql_refused"

    @pytest.mark.parametrize(
        ("grant", "revoke", "word"),
        [
            ("GRANT pg_monitor TO READER", "REVOKE pg_monitor FROM READER", "what other sessions run"),
            ("GRANT pg_read_all_stats TO READER", "REVOKE pg_read_all_stats FROM READER", "what other sessions run"),
            ("GRANT pg_read_all_settings TO READER", "REVOKE pg_read_all_settings FROM READER", "is set up"),
            ("GRANT pg_stat_scan_tables TO READER", "REVOKE pg_stat_scan_tables FROM READER", "pg_stat_scan_tables"),
            ("GRANT pg_read_all_data TO READER", "REVOKE pg_read_all_data FROM READER", "passwords in pg_authid"),
            ("GRANT SELECT ON pg_shadow TO READER", "REVOKE SELECT ON pg_shadow FROM READER", "can read pg_shadow"),
            (
                "GRANT SELECT (rolpassword) ON pg_authid TO READER",
                "REVOKE SELECT (rolpassword) ON pg_authid FROM READER",
                "can read pg_authid",
            ),
            (
                "GRANT SELECT ON pg_hba_file_rules, pg_user_mapping TO READER",
                "REVOKE SELECT ON pg_hba_file_rules, pg_user_mapping FROM READER",
                "pg_hba_file_rules, pg_user_mapping",
            ),
            (
                "GRANT SELECT ON pg_subscription TO READER",
                "REVOKE SELECT ON pg_subscription FROM READER",
                "pg_subscription",
            ),
            (
                "GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO READER",
                "REVOKE EXECUTE ON FUNCTION pg_ls_waldir() FROM READER",
                "can call pg_ls_waldir",
            ),
            (
                "CREATE ROLE READER_other; GRANT EXECUTE ON FUNCTION pg_stat_reset() TO READER_other; "
                "GRANT READER_other TO READER WITH INHERIT FALSE",
                "DROP OWNED BY READER_other; DROP ROLE READER_other",
                "can call pg_stat_reset",
            ),
            ("CREATE EXTENSION dblink", "DROP EXTENSION dblink", "functions of dblink"),
            (
                "CREATE FOREIGN DATA WRAPPER other; CREATE SERVER elsewhere FOREIGN DATA WRAPPER other; "
                "GRANT USAGE ON FOREIGN SERVER elsewhere TO READER",
                "DROP FOREIGN DATA WRAPPER other CASCADE",
                "foreign servers elsewhere",
            ),
        ],
    )
    def test_a_role_that_sees_more_than_tables_is_refused(self, reader, granted, grant, revoke, word):
        granted(grant, revoke)
        [reason] = inspect(reader).problems
        assert word in reason
        assert problem(reader, "SELECT 1").kind == "sql_refused"

    def test_functions_of_an_extension_that_it_may_not_call_are_no_problem(self, reader, granted):
        granted("CREATE EXTENSION dblink", "DROP EXTENSION dblink")
        granted("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC", "SELECT 1")
        assert inspect(reader).problems == []

    def test_a_table_s_owner_is_refused(self, reader, granted, server):
        granted(
            "CREATE SCHEMA own; CREATE TABLE own.mine (a int); ALTER TABLE own.mine OWNER TO READER",
            "DROP SCHEMA own CASCADE",
        )
        assert "own.mine" in " ".join(inspect(reader).problems)

    def test_reading_all_tables_is_no_problem(self, reader, granted):
        granted(
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO READER",
            "REVOKE SELECT ON counter FROM READER",
        )
        assert inspect(reader).problems == []

    def test_a_wrong_password_or_database_is_a_problem_without_the_password(self, server, reader):
        gone_database = parse_connection("postgres", str(server.info.dsn and _renamed(reader)))
        report = inspect(gone_database)
        assert not report.ok
        assert "no_such_database" in report.problems[0]


def _renamed(reader) -> str:
    info = reader.conninfo
    return f"postgresql://{info['user']}:{info['password']}@/no_such_database?host={info['host']}"
