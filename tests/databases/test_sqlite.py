"""SQLite: nothing is written, no other file is touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.databases.connect import Connection, parse_connection
from agents.databases.query import inspect
from tests.databases.conftest import problem, query


@pytest.fixture
def people(sqlite_file: Path) -> Connection:
    return parse_connection("sqlite", str(sqlite_file))


def test_values_are_json_ready_and_name_their_types(people):
    result = query(people, "SELECT id, name, paid, photo, NULL AS empty FROM people ORDER BY id")
    assert result.rows == [[1, "Ada", 1.5, "base64:AQI=", None], [2, "B\ufffdb", None, None, None]]
    assert [column["type"] for column in result.columns] == ["INTEGER", "TEXT", "REAL", "BLOB", "NULL"]


def test_text_that_is_not_utf8_and_infinity_are_no_error(people):
    assert query(people, "SELECT CAST(x'ff41' AS TEXT), 9e999").rows == [["\ufffdA", None]]


def test_json_values_work_as_parameters(people):
    assert query(people, "SELECT json_extract(:v, '$.a[1]')", {"v": {"a": [1, 2]}}).rows == [[2]]
    assert problem(people, "SELECT :v", {"v": 2**70}).kind == "sql_error"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO people (id) VALUES (3)",
        "REPLACE INTO people (id) VALUES (1)",
        "WITH x AS (SELECT 1) DELETE FROM people",
        "ATTACH '{folder}/created.db' AS other",
        "ATTACH ':memory:' AS other",
        "VACUUM INTO '{folder}/created.db'",
        "PRAGMA query_only = off",
        "PRAGMA writable_schema = on",
        "PRAGMA journal_mode = wal",
        "PRAGMA temp_store_directory = '{folder}'",
        "PRAGMA database_list",
        "SELECT load_extension('x.so')",
        "SELECT writefile('{folder}/created.db', 'x')",
        "SELECT fts3_tokenizer('x')",
        "CREATE TEMP TABLE t (a)",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "REINDEX",
        "ANALYZE",
        "DETACH main",
    ],
)
def test_no_statement_touches_a_file(people, sqlite_file, sql):
    before = sqlite_file.read_bytes()
    failure = problem(people, sql.format(folder=sqlite_file.parent))
    assert failure.kind in ("sql_refused", "sql_error")
    assert sqlite_file.read_bytes() == before
    assert [path.name for path in sqlite_file.parent.iterdir()] == [sqlite_file.name]


@pytest.mark.parametrize(
    "sql",
    ["PRAGMA table_info(people)", "SELECT * FROM pragma_table_info('people')", "SELECT * FROM json_each('[1,2,3,4]')"],
)
def test_pragmas_that_describe_are_allowed(people, sql):
    assert query(people, sql).row_count == 4


def test_a_refusal_says_why_in_plain_words(people):
    failure = problem(people, "DELETE FROM people")
    assert failure.kind == "sql_refused"
    assert "DELETE writes" in failure.message


def test_a_value_that_would_eat_the_memory_is_an_error(people):
    assert problem(people, "SELECT zeroblob(1000000000)").kind == "sql_error"


def test_a_locked_file_is_waited_for_only_so_long(people, sqlite_file):
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        failure = problem(people, "SELECT * FROM people", lock_timeout_seconds=0.2)
    assert (failure.kind, failure.retryable) == ("lock_timeout", True)


def test_a_file_that_is_no_database_is_a_problem(tmp_path):
    path = tmp_path / "fake.db"
    path.write_text("this is not a database, but long enough to look" * 50)
    report = inspect(parse_connection("sqlite", str(path)))
    assert not report.ok
    assert "not a database" in report.problems[0]
