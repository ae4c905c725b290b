"""DuckDB: the instance's own files can be read, nothing else can be opened, nothing can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.databases.connect import Connection, parse_connection
from agents.databases.duckdb_files import view_names
from agents.databases.query import inspect
from tests.databases.conftest import problem, query


@pytest.fixture
def files(data_folder: Path) -> Connection:
    return parse_connection("duckdb", str(data_folder))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_file_is_a_view(files):
    assert inspect(files).tables == ["people_2026", "sales"]
    sql = "SELECT name, paid FROM people_2026 JOIN sales USING (id) WHERE name = :name"
    assert query(files, sql, {"name": "Ada"}).rows == [["Ada", "2.50"]]


def test_names_that_clash_or_begin_with_a_digit_are_made_usable():
    names = view_names(
        (Path("a/x.csv"), Path("b/x.parquet"), Path("2026.csv.gz"), Path("\u00fc ber.csv"), Path("-.csv"))
    )
    assert list(names) == ["x", "x_2", "t_2026", "\u00fc_ber", "data"]


def test_values_are_json_ready(files):
    sql = """SELECT 1.5::decimal(4,2), 'nan'::double, DATE '2026-01-02', TIMESTAMPTZ '2026-01-02 03:04:05+02',
             INTERVAL 90 SECONDS, [1, NULL], {'a': 1}, 'x'::blob, uuid '550e8400-e29b-41d4-a716-446655440000',
             170141183460469231731687303715884105727::hugeint, map {'k': 2}, 'a' || chr(0)"""
    assert query(files, sql).rows == [
        [
            "1.50",
            None,
            "2026-01-02",
            "2026-01-02T01:04:05Z",
            "PT90S",
            [1, None],
            {"a": 1},
            "base64:eA==",
            "550e8400-e29b-41d4-a716-446655440000",
            170141183460469231731687303715884105727,
            {"k": 2},
            "a\ufffd",
        ]
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{outside}/created.csv'",
        "COPY (SELECT 1 AS id, 2 AS name) TO '{inside}/People 2026.csv'",
        "SELECT * FROM read_csv('{outside}/secret.csv')",
        "SELECT * FROM '{outside}/secret.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('https://example.com/a.csv')",
        "SELECT * FROM read_parquet('s3://bucket/a.parquet')",
        "FROM query('SELECT * FROM read_csv(''{outside}/secret.csv'')')",
        "FROM sniff_csv('{outside}/secret.csv')",
        "ATTACH '{outside}/created.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD '{outside}/x.duckdb_extension'",
        "EXPORT DATABASE '{outside}/export'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE OR REPLACE VIEW sales AS SELECT 1",
        "PREPARE p AS COPY (SELECT 1) TO '{inside}/People 2026.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{outside}/created.csv'",
        "CREATE SECRET s (TYPE s3)",
        "SELECT getenv('PATH')",
        "SELECT * FROM local_variable",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
    ],
)
def test_no_statement_reaches_anything_else(files, data_folder, sql):
    local_variable = [1]
    before = contents(data_folder.parent)
    failure = problem(files, sql.format(inside=str(data_folder).replace("'", "''"), outside=data_folder.parent))
    assert failure.kind in ("sql_refused", "sql_error")
    assert contents(data_folder.parent) == before
    assert local_variable


@pytest.mark.parametrize("sql", ["FROM sales", "DESCRIBE sales", "SUMMARIZE sales", "SHOW TABLES", "VALUES (1)"])
def test_reading_statements_of_other_kinds_run(files, sql):
    assert query(files, sql).rows


def test_a_refusal_says_why_in_plain_words(files):
    failure = problem(files, "CREATE TABLE t AS SELECT 1")
    assert failure.kind == "sql_refused"
    assert "CREATE writes" in failure.message


def test_memory_is_limited(files):
    sql = "SELECT count(*) FROM (SELECT i, repeat('x', 200) || i AS t FROM range(20000000) r(i) ORDER BY t)"
    failure = problem(files, sql, timeout_seconds=30)
    assert failure.kind == "sql_error"
    assert "memory" in failure.message


def test_a_file_that_cannot_be_read_is_a_problem_that_names_it(data_folder):
    (data_folder / "broken.parquet").write_text("no parquet")
    report = inspect(parse_connection("duckdb", str(data_folder)))
    assert not report.ok
    assert "broken.parquet" in report.problems[0]


def test_an_error_names_its_line(files):
    assert problem(files, "SELECT 1,\n nope\nFROM sales").context["line"] == 2
