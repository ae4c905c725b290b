"""`:names` are found where the database would read an expression, and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.databases.parameters import DUCKDB, POSTGRES, SQLITE, Dialect, bind, parameters, refuse_own_placeholders
from controlplane.domain.failures import Misconfigured

EVERYWHERE = [POSTGRES, SQLITE, DUCKDB]


def names(sql: str, dialect: Dialect = POSTGRES) -> list[str]:
    return [name for _, name in parameters(sql, dialect)]


@pytest.mark.parametrize("dialect", EVERYWHERE)
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT :a", ["a"]),
        ("SELECT :a, :b_2 , (:a)", ["a", "b_2", "a"]),
        (":a", ["a"]),
        ("x=:a AND y>:b", ["a", "b"]),
        ("x = -:a", ["a"]),
        ("SELECT ':a'", []),
        ("SELECT 'it''s :a', :b", ["b"]),
        ('SELECT ":a" , :b', ["b"]),
        ('SELECT "q"":a", :b', ["b"]),
        ("SELECT 1 -- :a\n, :b", ["b"]),
        ("SELECT 1 /* :a */ , :b", ["b"]),
        ("SELECT /* ' */ :a /* ' */", ["a"]),
        ("SELECT -- it's\n :a", ["a"]),
        ("SELECT ':a", []),
        ("SELECT /* :a", []),
        ("SELECT :", []),
        ("SELECT :1, ::", []),
        ("SELECT a::int, :b::int", ["b"]),
        ("", []),
    ],
)
def test_they_are_found_outside_of_quotes_and_comments(dialect, sql, found):
    assert names(sql, dialect) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT $$ :a $$, :b", ["b"]),
        ("SELECT $x$ :a $$ :b $x$, :c", ["c"]),
        ("SELECT a$b, :c, d$b", ["c"]),
        (r"SELECT E'\' :a', :b", ["b"]),
        (r"SELECT 'x\', :b", ["b"]),
        (r"SELECT note'\', :b", ["b"]),
        ("SELECT /* /* */ :a */ :b", ["b"]),
        ("SELECT x[1:2], x[a:b], x[:c]", ["c"]),
        ("f(a := :b)", ["b"]),
    ],
)
def test_postgresql_has_quotes_of_its_own(sql, found):
    assert names(sql, POSTGRES) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT [:a], `:b`, :c", ["c"]),
        ("SELECT /* /* */ :a", ["a"]),
        ("SELECT $$ :a $$", ["a"]),
        (r"SELECT E'\', :b", ["b"]),
    ],
)
def test_sqlite_has_quotes_of_its_own(sql, found):
    assert names(sql, SQLITE) == found


@pytest.mark.parametrize("dialect", [POSTGRES, DUCKDB])
@pytest.mark.parametrize(
    "sql",
    ["SELECT $x$ :a $1 ? $x$, :b", "SELECT $$ $1 $$, :b", "SELECT '$1', \"$1\", :b -- $1 ?\n", "SELECT a$1, :b"],
)
def test_signs_in_quotes_and_names_are_no_placeholders(dialect, sql):
    refuse_own_placeholders(sql, dialect)
    assert names(sql, dialect) == ["b"]


def test_operators_of_postgresql_are_no_placeholders():
    refuse_own_placeholders("SELECT a ? 'b', a @> :b, a @? '$.c', a @@ '$1', @ -5", POSTGRES)


def test_duckdb_structs_and_slices_are_no_parameters():
    assert names("SELECT {'a':b, c:d}, x[1:2], :p", DUCKDB) == ["p"]


def test_a_name_used_twice_is_one_value():
    bound = bind("SELECT :b, :a, :b", {"a": 1, "b": 2, "unused": 3}, POSTGRES)
    assert (bound.sql, bound.values) == ("SELECT $1, $2, $1", [2, 1])
    assert bind("SELECT :b, :a, :b", {"a": 1, "b": 2}, SQLITE).sql == "SELECT ?1, ?2, ?1"


def test_missing_values_are_all_named():
    with pytest.raises(Misconfigured, match="a, c"):
        bind("SELECT :c, :b, :a", {"b": 1}, POSTGRES)


def test_positions_lead_back_to_the_text_as_it_was_written():
    sql = "SELECT :long_name, oops, :x, again"
    bound = bind(sql, {"long_name": 1, "x": 2}, POSTGRES)
    for word in ("SELECT", "oops", "again"):
        assert bound.original(bound.sql.index(word)) == sql.index(word)
    assert bound.original(bound.sql.index("$2")) == sql.index(":x")


quoted = st.one_of(
    st.text(alphabet="ab:'\" \n$-/*", max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.text(alphabet="ab:'\" $-", max_size=8).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.text(alphabet="ab:'\"$ -", max_size=8).map(lambda text: f"--{text}\n"),
    st.text(alphabet="ab:'\"$ -", max_size=8).map(lambda text: f"/*{text}*/"),
)
plain = st.sampled_from(["SELECT", "a", "1", "(", ")", ",", "x::int", "=", "<", "\n", "a.b"])
named = st.sampled_from([":p", ":q", ":long_name"])


@given(st.sampled_from(EVERYWHERE), st.lists(st.one_of(quoted, plain, named), max_size=12))
def test_whatever_stands_around_them_exactly_the_parameters_are_found(dialect, pieces):
    sql = " ".join(pieces)
    expected = [piece[1:] for piece in pieces if piece.startswith(":")]
    assert names(sql, dialect) == expected
    bound = bind(sql, dict.fromkeys(expected, 1), dialect)
    restored = bound.sql
    for number, name in sorted(enumerate(bound.names, 1), reverse=True):
        marker = re.escape(dialect.placeholder.format(number))
        restored = re.sub(rf"(?<![^ ]){marker}(?![^ ])", f":{name}", restored)
    assert restored == sql


@given(st.sampled_from(EVERYWHERE), st.text(alphabet=":ab'\"`[]$-/*E\\\n _1", max_size=40))
def test_no_text_breaks_it(dialect, sql):
    for offset, name in parameters(sql, dialect):
        assert sql[offset : offset + len(name) + 1] == f":{name}"


@given(st.text(alphabet=":ab'\"$-/* \n_1", max_size=40))
def test_every_position_leads_back_into_the_text(sql):
    found = {name for _, name in parameters(sql, POSTGRES)}
    bound = bind(sql, dict.fromkeys(found, 1), POSTGRES)
    places = [bound.original(offset) for offset in range(len(bound.sql) + 1)]
    assert places == sorted(places)
    assert all(0 <= place <= len(sql) for place in places)
