from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from agents.databases.connect import Connection, parse_connection
from agents.databases.query import run_query
from agents.databases.result import QueryResult
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure
from controlplane.embedded.logins import READERS
from tests.servers import SUPERUSER_URL

Run = Callable[..., QueryResult]
DATABASE = f"instances_{os.getpid()}"
READER = f"reader_{os.getpid()}"
LOGIN = f"{READER}:reader-password"
SETUP = f"""
CREATE ROLE {READER} LOGIN PASSWORD 'reader-password';
CREATE TABLE people (id int PRIMARY KEY, name text, paid numeric, joined timestamptz);
INSERT INTO people VALUES (1, 'Ada', 1.50, '2026-01-02 03:04:05+01'), (2, 'Bob', NULL, NULL);
CREATE SEQUENCE counter;
GRANT CONNECT ON DATABASE {DATABASE} TO {READER};
GRANT USAGE ON SCHEMA public TO {READER};
GRANT SELECT ON people TO {READER};
DO $$ BEGIN
  -- The server that the portal brings along admits no role beside its own.
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{READERS}') THEN GRANT {READERS} TO {READER}; END IF;
END $$;
"""


def _url(*, database: str = "postgres", login: str = "") -> str:
    """Of the superuser, who alone can grant it all, or of `login` (name:password)."""
    parts = urlsplit(os.environ.get(SUPERUSER_URL, ""))
    if login:
        parts = parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}")
    return urlunsplit(parts._replace(path=f"/{database}"))


def owner_url() -> str:
    return _url(database=DATABASE)


def reader_url() -> str:
    return _url(database=DATABASE, login=LOGIN)


def _named(statement: str) -> str:
    return statement.replace("READER", READER).replace("INSTANCES", DATABASE)


@pytest.fixture(scope="session")
def server() -> Iterator[psycopg.Connection]:
    """The owner's own connection to a database made for these tests, which others are told apart from."""
    if not os.environ.get(SUPERUSER_URL):
        pytest.skip(f"no superuser to make roles with: {SUPERUSER_URL} is not set")
    with psycopg.connect(_url(), autocommit=True) as outer:
        outer.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        outer.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(owner_url(), autocommit=True) as owner:
            owner.execute(SETUP)
            yield owner
        outer.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        outer.execute(f"DROP ROLE {READER}")


@pytest.fixture
def reader(server: psycopg.Connection) -> Connection:
    return parse_connection("postgres", reader_url())


@pytest.fixture
def owner_connection(server: psycopg.Connection) -> Connection:
    return parse_connection("postgres", owner_url())


@pytest.fixture
def granted(server: psycopg.Connection) -> Iterator[Callable[[str, str], None]]:
    """Do something to the reader's rights, and undo it after the test."""
    undo: list[str] = []

    def grant(statement: str, revoke: str) -> None:
        server.execute(_named(statement))
        undo.append(_named(revoke))

    yield grant
    for statement in reversed(undo):
        server.execute(statement)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    import sqlite3
    from contextlib import closing

    path = tmp_path / "a file's.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE people (id INTEGER, name TEXT, paid REAL, photo BLOB)")
        database.execute("INSERT INTO people VALUES (1, 'Ada', 1.5, x'0102'), (2, 'B' || char(0) || 'b', NULL, NULL)")
        database.commit()
    return path


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    import duckdb

    folder = tmp_path / "data's"
    folder.mkdir()
    (folder / "People 2026.csv").write_text("id,name\n1,Ada\n2,Bob\n")
    (folder / "notes.txt").write_text("not data")
    quoted = str(folder / "sales.parquet").replace("'", "''")
    duckdb.sql(f"COPY (SELECT 1 AS id, 2.50::decimal(5,2) AS paid) TO '{quoted}'")
    (tmp_path / "secret.csv").write_text("secret\n42\n")
    return folder


@pytest.fixture(params=["postgres", "sqlite", "duckdb"])
def each(request: pytest.FixtureRequest) -> Connection:
    """One connection of each kind."""
    if request.param == "postgres":
        return request.getfixturevalue("reader")
    name = "sqlite_file" if request.param == "sqlite" else "data_folder"
    return parse_connection(request.param, str(request.getfixturevalue(name)))


def query(connection: Connection, sql: str, params: dict | None = None, **options: object) -> QueryResult:
    options = {"token": CancelToken(), "timeout_seconds": 5.0, **options}
    return run_query(connection, sql, params or {}, **options)


def problem(connection: Connection, sql: str, params: dict | None = None, **options: object) -> Failure:
    """The failure a query ends in."""
    with pytest.raises(Failure) as caught:
        query(connection, sql, params, **options)
    return caught.value
