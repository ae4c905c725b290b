"""What holds for an instance of any kind."""

from __future__ import annotations

import json
import threading
import time

import pytest

from agents.databases.query import inspect
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled
from tests.databases.conftest import problem, query

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n"


def test_parameters_are_bound_not_pasted(each):
    nasty = "x'; DROP TABLE people; --"
    result = query(each, "SELECT CAST(:name AS text) AS said, CAST(:n AS int) + 1 AS next", {"name": nasty, "n": 41})
    assert result.rows == [[nasty, 42]]
    assert [column["name"] for column in result.columns] == ["said", "next"]
    assert result.truncated is False
    assert result.notice is None


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        ("SELECT :n * :n", {"n": 300}, 90_000),
        ("SELECT :a + :b", {"a": 2**40, "b": 1}, 2**40 + 1),
        ("SELECT :a + :b", {"a": 1, "b": 2.5}, 3.5),
        ("SELECT :v", {"v": 41}, 41),
        ("SELECT :v", {"v": None}, None),
        ("SELECT :v", {"v": "it's"}, "it's"),
        ("SELECT CASE WHEN :v THEN 'yes' ELSE 'no' END", {"v": True}, "yes"),
        ("SELECT substr(:v, :n)", {"v": "hello", "n": 2}, "ello"),
        ("SELECT count(*) FROM (SELECT 1 UNION ALL SELECT 2 LIMIT :n) AS t", {"n": 1}, 1),
        ("SELECT count(*) FROM (SELECT 6 AS id) AS t WHERE id = :a * :b", {"a": 2, "b": 3}, 1),
        ("SELECT count(*) FROM (SELECT 6 AS id) AS t WHERE (:v IS NULL OR id = :v)", {"v": None}, 1),
    ],
)
def test_json_values_mean_the_same_to_each(each, sql, params, value):
    ((found,),) = query(each, sql, params).rows
    assert (float(found) if isinstance(value, float) else found) == value


@pytest.mark.parametrize(
    ("kind", "placeholder"),
    [("postgres", "$1"), ("postgres", "$12"), ("duckdb", "$1"), ("duckdb", "$name"), ("duckdb", "?"), ("sqlite", "?")]
    + [("sqlite", text) for text in ("?1", "$1", "$name", "@name", ":1")],
)
def test_a_placeholder_of_the_database_s_own_is_an_error_that_names_ours(each, kind, placeholder):
    if each.kind != kind:
        assert query(each, f"SELECT '{placeholder}'").rows == [[placeholder]]
        return
    failure = problem(each, f"SELECT :a,\n {placeholder}", {"a": 1})
    assert (failure.kind, failure.retryable) == ("sql_error", False)
    assert placeholder in failure.message
    assert ":name" in failure.message
    assert (failure.context["line"], failure.context["column"]) == (2, 2)


def test_a_result_without_rows_still_has_its_columns(each):
    result = query(each, "SELECT 1 AS one, 'x' AS two WHERE 1 = :n", {"n": 0})
    assert [column["name"] for column in result.columns] == ["one", "two"]
    assert result.as_dict()["row_count"] == 0


def test_rows_are_capped_with_a_notice(each):
    result = query(each, MANY, max_rows=7)
    assert result.rows == [[i] for i in range(1, 8)]
    assert (result.row_count, result.truncated) == (7, True)
    assert result.notice == "Only the first 7 rows are shown."


def test_exactly_the_limit_is_not_cut(each):
    result = query(each, "SELECT 1 UNION ALL SELECT 2", max_rows=2)
    assert (result.row_count, result.truncated) == (2, False)


def test_bytes_are_capped_with_a_notice(each):
    result = query(
        each,
        f"SELECT i, '{'x' * 1000}' FROM ({MANY}) AS t(i)"
        if each.kind != "sqlite"
        else f"SELECT i, '{'x' * 1000}' FROM ({MANY})",
        max_bytes=10_000,
    )
    assert 0 < len(json.dumps(result.rows)) < 11_000
    assert result.truncated
    assert "10,000 bytes" in result.notice


@pytest.mark.parametrize("sql", ["", "  \n", "SELECT '\x00'"])
def test_no_sql_is_misconfigured(each, sql):
    assert problem(each, sql).kind == "misconfigured"


def test_a_missing_parameter_is_named(each):
    assert "who" in problem(each, "SELECT :who").message


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO people (id) VALUES (9)",
        "UPDATE people SET name = 'x'",
        "DELETE FROM people",
        "DROP TABLE people",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE people",
        "BEGIN",
        "COMMIT; DROP TABLE people",
        "ATTACH 'other.db' AS other",
        "VACUUM",
    ],
)
def test_it_refuses_everything_but_one_reading_statement(each, sql):
    assert problem(each, sql).kind in ("sql_refused", "sql_error")


@pytest.mark.parametrize(
    ("sql", "word"), [("SELEC 1", "syntax"), ("SELECT nope", "nope"), ("SELECT * FROM nope", "nope")]
)
def test_an_error_is_the_database_s_own_message(each, sql, word):
    failure = problem(each, sql)
    assert (failure.kind, failure.retryable, failure.acted) == ("sql_error", False, False)
    assert word in failure.message


def test_an_endless_query_stops_at_the_time_limit(each):
    started = time.monotonic()
    failure = problem(each, ENDLESS, timeout_seconds=0.7)
    assert failure.kind == "timeout"
    assert time.monotonic() - started < 10


def test_the_token_s_deadline_counts_too(each):
    assert problem(each, ENDLESS, token=CancelToken(timeout_seconds=0.5), timeout_seconds=30).kind == "timeout"


def test_a_timeout_says_which_limit_it_was(each):
    step = CancelToken(timeout_seconds=0.5, whose="step")
    failure = problem(each, ENDLESS, token=step, timeout_seconds=30, whose="instance")
    assert failure.message == "The query did not finish within the step's 0.5 seconds."
    step = CancelToken(timeout_seconds=30, whose="step")
    failure = problem(each, ENDLESS, token=step, timeout_seconds=0.5, whose="instance")
    assert failure.message == "The query did not finish within the instance's 0.5 seconds."


def test_a_cancel_stops_an_endless_query(each):
    token = CancelToken()
    threading.Timer(0.4, token.cancel, ["asked by Ada"]).start()
    started = time.monotonic()
    failure = problem(each, ENDLESS, token=token, timeout_seconds=30)
    assert isinstance(failure, Cancelled)
    assert "asked by Ada" in failure.message
    assert time.monotonic() - started < 10


def test_a_cancelled_token_runs_nothing(each):
    token = CancelToken()
    token.cancel()
    assert problem(each, "SELECT 1", token=token).kind == "cancelled"


def test_queries_in_many_threads_do_not_meet(each):
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = query(each, "SELECT CAST(:n AS int)", {"n": number}).rows

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [[number]] for number in range(8)}


def test_no_thread_is_left_behind(each):
    before = set(threading.enumerate())
    query(each, "SELECT 1")
    problem(each, ENDLESS, timeout_seconds=0.3)
    assert set(threading.enumerate()) <= before


def test_inspecting_a_reading_instance_finds_no_problem(each):
    report = inspect(each)
    assert report.problems == []
    assert report.ok
    assert report.server_version
    assert any("people" in name for name in report.tables)
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True
