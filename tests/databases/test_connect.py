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


def test_files_must_exist(tmp_path):
    assert "no file" in refused("sqlite", str(tmp_path / "missing.db"))
    assert "no file" in refused("sqlite", str(tmp_path))
    assert "no CSV" in refused("duckdb", str(tmp_path))
    assert "no CSV" in refused("duckdb", str(tmp_path / "*.csv"))


def test_a_folder_or_a_pattern_names_data_files(data_folder):
    files = parse_connection("duckdb", str(data_folder)).files
    assert [file.name for file in files] == ["People 2026.csv", "sales.parquet"]
    assert [file.name for file in parse_connection("duckdb", f"{data_folder}/*.parquet").files] == ["sales.parquet"]


def test_files_outside_the_permitted_folders_are_refused_also_through_links(tmp_path, sqlite_file, settings):
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "link.db").symlink_to(sqlite_file)
    settings.INSTANCE_FILE_ROOTS = [str(allowed)]
    assert "outside" in refused("sqlite", str(sqlite_file))
    assert "outside" in refused("sqlite", str(allowed / "link.db"))
    assert "outside" in refused("sqlite", f"{allowed}/../{sqlite_file.name}")
    settings.INSTANCE_FILE_ROOTS = [str(tmp_path)]
    assert parse_connection("sqlite", str(sqlite_file)).files == (sqlite_file,)
