from __future__ import annotations

import pytest

from agents.databases.connect import parse_connection
from controlplane.domain.failures import Misconfigured


def refused(kind: str, location: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        parse_connection(kind, location)
    return caught.value.message


def test_a_postgresql_url_is_taken_apart_and_its_password_is_a_secret():
    connection = parse_connection("postgres", "postgresql://ada:p%40ss@db.example:5433/shop?sslmode=verify-full")
    assert connection.conninfo == {
        "user": "ada",
        "password": "p@ss",
        "host": "db.example",
        "port": "5433",
        "dbname": "shop",
        "sslmode": "verify-full",
    }
    assert connection.secrets == ("p@ss",)
    assert "p@ss" not in repr(connection)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("host=db user=x dbname=y", "is a URL"),
        ("mysql://a@b/c", "is a URL"),
        ("postgresql://", "does not name the host, user, dbname"),
        ("postgresql://db.example/shop", "user"),
        ("postgresql://a@/shop", "host"),
        ("postgresql://a@h/d?options=-c%20statement_timeout%3D0", "options"),
        ("postgresql://a@h/d?service=x", "service"),
        ("postgresql://a@h/d?passfile=/etc/shadow", "passfile"),
        ("postgresql://a@h/d?sslkey=/root/key", "sslkey"),
        ("postgresql://a@h/d?nonsense=1", "cannot be read"),
        ("postgresql://a@h:port:1/d", "port"),
        ("", "empty"),
        ("postgresql://a\x00@h/d", "NUL"),
    ],
)
def test_it_says_what_is_wrong_with_a_postgresql_url(url: str, word: str):
    assert word in refused("postgres", url)


def test_a_wrong_url_does_not_give_its_password_away():
    assert "hush" not in refused("postgres", "postgresql://a:hush@%%%/d")


def test_an_unknown_kind_is_refused():
    assert "oracle" in refused("oracle", "x")
