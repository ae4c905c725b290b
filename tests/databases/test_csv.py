"""CSV files: what another reader finds is what a query gives, cell by cell, or the file is an error that names it."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import threading
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from agents.databases.connect import parse_connection
from agents.databases.csv_files import SAMPLE_ROWS
from agents.databases.query import inspect
from agents.databases.result import QueryResult
from controlplane.domain.failures import Failure
from tests.databases.conftest import problem, query

NOT_OURS = re.compile(r'[ ]"|"[ ]')


def answer(folder: Path, content: bytes | str, name: str = "t.csv", sql: str = "FROM t", **more: Any) -> QueryResult:
    return query(parse_connection("duckdb", str(written(folder, content, name))), sql, max_rows=1_000_000, **more)


def fault(folder: Path, content: bytes | str, name: str = "t.csv", sql: str = "SELECT count(*) FROM t") -> Failure:
    return problem(parse_connection("duckdb", str(written(folder, content, name))), sql)


def written(folder: Path, content: bytes | str, name: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def same(value: Any, cell: str) -> bool:
    """Whether `value` says what stands in the file, to the last digit."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell.lower() == str(value).lower()
    if isinstance(value, int):
        return str(value) == cell
    if isinstance(value, float):
        return Decimal(repr(value)) == Decimal(cell)
    return value == cell or (moment(value) is not None and moment(value) == moment(cell))


def moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


def agrees(result: QueryResult, text: str, separator: str) -> bool:
    """An empty line is an empty value where there is one column, and nothing elsewhere."""
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    rows = [row or [""] for row in read if row or len(read[0]) == 1]
    width = len(result.columns)
    if not (result.notice or "").count("does not begin"):
        rows = rows[1:]
    if len(rows) != len(result.rows):
        return False
    return all(
        not any(row[width:]) and len(row) >= width and all(map(same, found, row))
        for found, row in zip(result.rows, rows, strict=True)
    )


GOOD = "a,b\n" + "1,2\n" * 1_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD + "1,2,3\n" * 100, "3 fields in line 1002 and 2 in its first line"),
        (GOOD + "1,2,3\n", "3 fields in line 1002"),
        (GOOD + "TOTAL\n", "1 fields in line 1002"),
        ("A report of May\n\n" + GOOD, "2 fields in line 3 and 1 in its first line"),
        ("# made by hand\n" + GOOD, "2 fields in line 2 and 1 in its first line"),
        ("\n" + GOOD, "begins with an empty line"),
        (GOOD + '3,"never closed\n4,5\n', "quotation mark that is not closed"),
        (GOOD + '3,"closed" early\n', "quotation mark"),
        (GOOD.replace("\n", "\r\n") + "3,4\n5,6\r\n", "mixes kinds of line endings"),
        ("a,b\r\n" + "1,2\n" * 9, "mixes kinds of line endings"),
        ((GOOD + "3,Zürich\n").encode("latin-1"), "not UTF-8 text; save it as UTF-8: a letter is wrong in line 1002"),
        (GOOD.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "no text in UTF-8"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "is UTF-16 text"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a" * 300_000, "first line that is too long"),
    ],
)
def test_a_file_that_would_lose_rows_is_an_error_that_names_it_and_the_line(tmp_path, content, words):
    failure = fault(tmp_path, content)
    assert failure.message.startswith("t.csv ")
    assert words in failure.message
    assert failure.retryable is False


def test_letters_that_are_wrong_far_down_are_an_error_too(tmp_path):
    content = ("a,b\n" + "1,2\n" * 100_000 + "3,Zürich\n").encode("latin-1")
    assert "not UTF-8" in fault(tmp_path, content, sql="SELECT max(b) FROM t").message


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.gz"])
def test_a_packed_file_cut_short_is_an_error(tmp_path, name):
    whole = gzip.compress(
        ("a,b\n" + "".join(f"{number},{os.urandom(20).hex()}\n" for number in range(20_000))).encode()
    )
    assert answer(tmp_path, whole, name, "SELECT count(*) FROM t").rows == [[20_000]]
    assert fault(tmp_path, whole[: len(whole) // 2], name).message.startswith(f"{name} is cut short")
    assert name in fault(tmp_path, b"a,b\n1,2\n", name).message


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,x\n", ["a", "b"], [[1, "x"]]),
        ("a;b\n1,5;2\n", ["a", "b"], [["1,5", 2]]),
        ("a\tb\n1\t2\n", ["a", "b"], [[1, 2]]),
        ("a|b\n1|2\n", ["a", "b"], [[1, 2]]),
        ("a,b\r1,2\r", ["a", "b"], [[1, 2]]),
        ("a,b\n", ["a", "b"], []),
        ("id,ID,,id\n1,2,3,4\n", ["id", "ID_1", "column2", "id_2"], [[1, 2, 3, 4]]),
        ('"a\nb",c\n1,2\n', ["a\nb", "c"], [[1, 2]]),
        ("a,b\n\n1,\n,2\n", ["a", "b"], [[1, None], [None, 2]]),
    ],
)
def test_files_of_every_habit_are_read(tmp_path, content, names, rows):
    result = answer(tmp_path, content)
    assert [column["name"] for column in result.columns] == names
    assert (result.rows, result.notice) == (rows, None)


def test_a_file_without_a_line_of_names_loses_no_row_and_says_so(tmp_path):
    result = answer(tmp_path, "Ada,1\nBob,2\n")
    assert result.rows == [["Ada", 1], ["Bob", 2]]
    assert "t.csv does not begin with a line of column names" in result.notice
    assert result.truncated is False


def test_no_digit_is_lost(tmp_path):
    content = "zip,big,money,exact,day,at,on,mixed\n007,12345678901234567890,1.10,0.30000000000000004,2026-01-31,"
    result = answer(
        tmp_path, content + "2026-01-31 12:00:00,true,1\n100,1,2,3,2026-02-01,2026-02-01 00:00:00,FALSE,x\n"
    )
    assert result.rows[0] == [
        "007", "12345678901234567890", 1.1, 0.30000000000000004, "2026-01-31", "2026-01-31T12:00:00", True, "1",
    ]  # fmt: skip
    types = [column["type"] for column in result.columns]
    assert types == ["VARCHAR", "VARCHAR", "DOUBLE", "DOUBLE", "DATE", "TIMESTAMP", "BOOLEAN", "VARCHAR"]


@pytest.mark.parametrize("late", ["n/a", "007", "1.5x", "12345678901234567890"])
def test_a_column_that_is_something_else_far_down_is_text_and_never_null(tmp_path, late):
    count = SAMPLE_ROWS + 500
    content = "a,b\n" + "1,2\n" * count + f"{late},2\n"
    result = answer(tmp_path, content, sql="SELECT a, count(*) AS n, sum(b) AS s FROM t GROUP BY a ORDER BY n")
    assert result.rows == [[late, 1, 2], ["1", count, 2 * count]]
    assert answer(tmp_path, content, sql="SELECT count(*) FROM t WHERE TRY(a) IS NULL").rows == [[0]]
    assert answer(tmp_path, content, sql="SELECT a FROM t LIMIT 1").rows == [[1]]


def test_a_file_that_changes_while_it_is_read_is_no_answer(tmp_path):
    path = written(tmp_path, GOOD, "t.csv")
    done = threading.Event()

    def append() -> None:
        while not done.wait(0.001):
            with path.open("a") as file:
                file.write("1,2\n")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        failure = problem(parse_connection("duckdb", str(path)), "SELECT count(*) FROM t, range(100000)")
    finally:
        done.set()
        thread.join()
    assert "t.csv changed while it was read" in failure.message
    assert failure.retryable is True


def test_one_bad_file_spoils_only_the_statements_that_read_it(tmp_path):
    written(tmp_path, "a,b\n1\n", "bad.csv")
    written(tmp_path, "", "empty.csv")
    assert answer(tmp_path, GOOD, sql="SELECT count(*) FROM t").rows == [[1_000]]
    folder = parse_connection("duckdb", str(tmp_path))
    assert inspect(folder).tables == ["bad", "empty", "t"]
    assert query(folder, "SELECT count(*) FROM t").rows == [[1_000]]
    assert problem(folder, "FROM bad").message.startswith("bad.csv has 1 fields in line 2")
    assert "Did you mean" in problem(folder, "FROM bda").message


def test_parquet_files_of_different_columns_stay_apart(tmp_path):
    for name, columns in (("one", "1 AS a"), ("two", "'x' AS a, 2.5 AS b")):
        duckdb.sql(f"COPY (SELECT {columns}) TO '{tmp_path}/{name}.parquet'")
    folder = parse_connection("duckdb", str(tmp_path))
    assert query(folder, "SELECT one.a, two.a, two.b FROM one, two").rows == [[1, "x", "2.5"]]
    path = tmp_path / "two.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert problem(folder, "FROM two").message == "two.parquet cannot be read as Parquet."


SIGNS = st.sampled_from(
    [*"abé\"019.-+,;\t|# \\'", "\n", "\n", "\n", ",", ",", "true", "2026-01-31", "007", "1e5", "\r\n", "T"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SIGNS, min_size=1, max_size=30).map("".join))
@example("a,b\n1,2,\n")
@example("\n\na,b\n1,2\n")
@example('"a"b\n1\n"a"0.5')
@example("\na;b\r\n0")
@example("a\n\n1\n")
@example('a,b\n"x\ny",2\n')
def test_any_text_gives_the_cells_of_another_reader_or_an_error(tmp_path, text):
    assume(not NOT_OURS.search(text))
    result = outcome(tmp_path, text)
    if isinstance(result, str):
        assert result.startswith("t.csv ")
    else:
        assert any(agrees(result, text, separator) for separator in ",;\t|"), (text, result)


def outcome(folder: Path, text: str) -> QueryResult | str:
    try:
        return answer(folder, text)
    except Failure as failure:
        return failure.message


CELLS = st.one_of(
    st.text('ab,;"\n é0.', max_size=6),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.sampled_from(["", "007", "+1", "true", "False", "NULL", "nan", "1,5", "12:30:00", "1e5", "0x10", "1_000", "-0"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12)),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_file_that_is_well_written_is_read_to_the_last_digit(tmp_path, rows, separator, ending):
    out = io.StringIO(newline="")
    header = [f"name{number}" for number in range(len(rows[0]) if rows else 2)]
    writer = csv.writer(out, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    result = answer(tmp_path, out.getvalue())
    assert [column["name"] for column in result.columns] == header
    assert len(result.rows) == len(rows)
    assert all(
        same(value, cell)
        for found, row in zip(result.rows, rows, strict=True)
        for value, cell in zip(found, row, strict=True)
    )
