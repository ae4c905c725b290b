"""JSON values as PostgreSQL takes them: with JSON's types, or with those that the statement asks for."""

from __future__ import annotations

import psycopg
import pytest

from agents.databases.connect import Connection
from tests.databases.conftest import READER, owner_url, problem, query

TABLE = f"""
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE TABLE things (id int PRIMARY KEY, small smallint, code text, short varchar(5), price real, exact numeric,
    day date, at timestamptz, tag uuid, mood mood, ok boolean, parts int[], about jsonb);
INSERT INTO things SELECT n, n, n::text, 'v' || n, n + 0.5, n + 0.5, date '2026-01-01' + n,
    timestamptz '2026-01-01 00:00Z' + n * interval '1 day', ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'well',
    n % 2 = 0, ARRAY[n, n + 1], jsonb_build_object('n', n) FROM generate_series(1, 9) n;
CREATE TABLE many (id int PRIMARY KEY);
INSERT INTO many SELECT generate_series(1, 5000);
ANALYZE many;
GRANT SELECT ON things, many TO {READER};
"""
IDS = "SELECT id FROM things WHERE "


@pytest.fixture(scope="module", autouse=True)
def things(server: psycopg.Connection):
    server.execute(TABLE)
    yield
    server.execute("DROP TABLE things, many; DROP TYPE mood")


def answer(connection: Connection, sql: str, **params: object) -> object:
    """The one value of the one row, or the values of one column."""
    rows = query(connection, sql, params).rows
    return rows[0][0] if len(rows) == 1 else [value for (value,) in rows]


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        # Arithmetic among parameters
        ("SELECT :n * :n", {"n": 300}, 90_000),
        ("SELECT :n * :n", {"n": 3_000_000_000}, 9_000_000_000_000_000_000),
        ("SELECT :a + :b", {"a": 2_000_000_000, "b": 2_000_000_000}, 4_000_000_000),
        ("SELECT :a + :b", {"a": 32_767, "b": 1}, 32_768),
        ("SELECT :a + :b", {"a": 1, "b": 2.5}, "3.5"),
        ("SELECT -:n", {"n": 5}, -5),
        ("SELECT :n % 7", {"n": 300}, 6),
        (IDS + "id = :a * :b", {"a": 2, "b": 3}, 6),
        (IDS + "id = :a * :b", {"a": 100_000, "b": 100_000}, []),
        # On their own they keep JSON's types
        ("SELECT :v", {"v": 41}, 41),
        ("SELECT :v", {"v": 2**62}, 2**62),
        ("SELECT :v", {"v": 2**70}, str(2**70)),
        ("SELECT :v", {"v": 1.5}, "1.5"),
        ("SELECT :v", {"v": True}, True),
        ("SELECT :v", {"v": None}, None),
        ("SELECT :v", {"v": "it's"}, "it's"),
        ("SELECT :v", {"v": {"a": [1, "x"]}}, {"a": [1, "x"]}),
        ("SELECT :v", {"v": [1, 2]}, [1, 2]),
        ("SELECT :v", {"v": [1, 2.5, None]}, ["1", "2.5", None]),
        ("SELECT :v", {"v": [2**70, 1]}, [str(2**70), "1"]),
        ("SELECT :v", {"v": [True, False]}, [True, False]),
        ("SELECT :v", {"v": [1, "a", True, None]}, ["1", "a", "true", None]),
        ("SELECT :v", {"v": ['say "hi", \\ {you}', "", "NULL"]}, ['say "hi", \\ {you}', "", "NULL"]),
        ("SELECT :v", {"v": []}, []),
        ("SELECT :v", {"v": [{"a": 1}, [2]]}, [{"a": 1}, [2]]),
        # Against columns
        (IDS + "id = :v", {"v": 3_000_000_000}, []),
        (IDS + "small = :v", {"v": 70_000}, []),
        (IDS + "id = :v", {"v": 2.0}, 2),
        (IDS + "exact = :v", {"v": 1.5}, 1),
        (IDS + "price > :v AND price < :w", {"v": 2, "w": 2.75}, 2),
        (IDS + "code = :v", {"v": 5}, 5),
        (IDS + "id = :v", {"v": "5"}, 5),
        (IDS + "short = :v", {"v": "v3"}, 3),
        (IDS + "day = :v", {"v": "2026-01-03"}, 2),
        (IDS + "at >= :v AND at < :w", {"v": "2026-01-03T00:00:00Z", "w": "2026-01-04T00:00:00+00:00"}, 2),
        (IDS + "tag = :v", {"v": "00000000-0000-0000-0000-000000000004"}, 4),
        (IDS + "mood = :v AND id = :n", {"v": "well", "n": 1}, 1),
        (IDS + "ok = :v AND id < 3", {"v": True}, 2),
        (IDS + "about @> :v", {"v": {"n": 7}}, 7),
        (IDS + "about -> 'n' = :v", {"v": 7}, 7),
        (IDS + "parts = :v", {"v": [4, 5]}, 4),
        (IDS + "id IN (:a, :b)", {"a": 1, "b": "2"}, [1, 2]),
        ("SELECT count(*) FROM (SELECT 1 FROM things LIMIT :n OFFSET :m) t", {"n": 3, "m": 7}, 2),
        # Lists
        (IDS + "id = ANY(:v)", {"v": [1, 2, None]}, [1, 2]),
        (IDS + "id = ANY(:v)", {"v": [1, 2.0, 2.5]}, [1, 2]),
        (IDS + "id = ANY(:v)", {"v": ["1", 2]}, [1, 2]),
        (IDS + "id = ANY(:v)", {"v": []}, []),
        (IDS + "id = ANY(:v)", {"v": [None]}, []),
        (IDS + "exact = ANY(:v)", {"v": [1.5, 2]}, 1),
        (IDS + "code = ANY(:v)", {"v": ["1", 2]}, [1, 2]),
        (IDS + "code = ANY(:v)", {"v": [1, 2]}, [1, 2]),
        (IDS + "day = ANY(:v)", {"v": ["2026-01-02"]}, 1),
        (IDS + "mood <> ALL(:v) AND id = 1", {"v": ["ill"]}, 1),
        ("SELECT count(*) FROM unnest(:v)", {"v": [1, 2]}, 2),
        ("SELECT count(*) FROM unnest(:v)", {"v": ["a", "b"]}, 2),
        ("SELECT array_length(:v, 1)", {"v": ["a", "b"]}, 2),
        ("SELECT (:v::int[])[2]", {"v": ["1", 2]}, 2),
        ("SELECT (:v::int[])[2][1]", {"v": [[1, 2], [3, 4]]}, 3),
        ("SELECT jsonb_array_length(:v)", {"v": [1, "a"]}, 2),
        ("SELECT json_array_length(:v)", {"v": [{"a": 1}]}, 1),
        # Functions and operators that take integer and no bigint
        ("SELECT substr(:t, :a, :b)", {"t": "hello", "a": 2, "b": 3}, "ell"),
        ("SELECT round(:x, :n)", {"x": 2.345, "n": 2}, "2.35"),
        ("SELECT make_date(:y, :m, :d)", {"y": 2026, "m": 2, "d": 3}, "2026-02-03"),
        ("SELECT date '2026-01-31' + :n", {"n": 1}, "2026-02-01"),
        ("SELECT date '2026-01-31' - :n", {"n": 30}, "2026-01-01"),
        ("SELECT left(code, :n) FROM things WHERE day = date '2026-01-01' + :n AND id < :a * :b",
         {"n": 1, "a": 100_000, "b": 100_000}, "1"),
        # What the statement says of them counts
        ("SELECT :day::date + 1", {"day": "2026-01-31"}, "2026-02-01"),
        ("SELECT :v::text || '!'", {"v": 5}, "5!"),
        ("SELECT :v::jsonb", {"v": 5}, 5),
        ("SELECT :v::jsonb", {"v": '{"a": 1}'}, {"a": 1}),
        ("SELECT :v::jsonb", {"v": [1, "a"]}, [1, "a"]),
        ("SELECT interval '1 day' * :n", {"n": 2}, "P2D"),
        ("SELECT :i::interval", {"i": "2 hours"}, "PT2H"),
        ("SELECT CASE WHEN :b THEN 'yes' END", {"b": True}, "yes"),
        # Functions that take anything
        ("SELECT format('%s-%s', :t, :n)", {"t": "x", "n": 1}, "x-1"),
        ("SELECT concat(:t, :x)", {"t": "a", "x": None}, "a"),
        ("SELECT jsonb_build_object('t', :t, 'n', :n, 'x', :x)", {"t": "a", "n": 1, "x": None},
         {"t": "a", "n": 1, "x": None}),
        # Filters that may be left out
        (IDS + "(:v IS NULL OR day = :v) AND id = 1", {"v": None}, 1),
        (IDS + "(:v IS NULL OR day = :v)", {"v": "2026-01-03"}, 2),
        (IDS + "(:v IS NULL OR id = :v) AND id = 1", {"v": None}, 1),
        (IDS + "id = coalesce(:v, 3)", {"v": None}, 3),
        ("SELECT :v IS NULL", {"v": None}, True),
        ("SELECT count(*) FROM (SELECT substr(code, :n) FROM things GROUP BY substr(code, :n)) t", {"n": 1}, 9),
    ],
)  # fmt: skip
def test_values_arrive_as_what_they_are(reader, sql, params, value):
    assert answer(reader, sql, **params) == value


@pytest.mark.parametrize("v", [5, "5", [5, 6], ["5", 6]])
def test_an_index_is_used(reader, v):
    """Whatever type is sent, it must not be the column that is converted."""
    condition = "id = ANY(:v)" if isinstance(v, list) else "id = :v"
    plan = "\n".join(line for (line,) in query(reader, f"EXPLAIN SELECT id FROM many WHERE {condition}", {"v": v}).rows)
    assert "Index Cond" in plan
    assert not isinstance(v, int) or "bigint" in plan


def test_a_result_without_rows_tells_the_types_of_its_columns(reader):
    result = query(reader, "SELECT id, parts, :a + :b AS sum FROM things WHERE id = :a * :b", {"a": 10, "b": 10})
    assert result.rows == []
    assert [column["type"] for column in result.columns] == ["int4", "int4[]", "int8"]


@pytest.mark.parametrize(
    ("sql", "value", "word"),
    [
        ("SELECT :v::int", "ten", "ten"),
        ("SELECT :v + 1", "ten", "ten"),
        ("SELECT nope(:v)", 1, "nope(bigint)"),
        ("SELECT :v", "a\x00b", "NUL"),
        ("SELECT :v", ["a\x00b"], "NUL"),
        ("SELECT :v", "\ud800", "character"),
        ("SELECT id FROM things WHERE about @> :v", [1, "a\x00"], "\\u0000"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_of_the_statement(reader, sql, value, word):
    failure = problem(reader, sql, {"v": value})
    assert (failure.kind, failure.retryable) == ("sql_error", False)
    assert word in failure.message + str(failure.context)


def test_an_error_is_found_where_it_was_written_whatever_types_were_tried(reader):
    failure = problem(
        reader, "SELECT substr(code, :n),\n nope FROM things WHERE :d IS NULL OR day = :d", {"n": 1, "d": None}
    )
    assert (failure.kind, failure.context["line"], failure.context["column"]) == ("sql_error", 2, 2)


def test_a_table_that_is_locked_while_types_are_looked_for_is_waited_for_only_so_long(reader, server):
    with psycopg.connect(owner_url()) as other:
        other.execute("LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
        failure = problem(reader, IDS + "id = :v", {"v": 1}, lock_timeout_seconds=0.2)
    assert failure.kind == "lock_timeout"
