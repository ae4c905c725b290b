"""Which files an instance may open: nothing outside its folders is looked at, told of, followed to or waited for."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agents.databases import files
from agents.databases.connect import Connection, parse_connection
from agents.databases.query import inspect
from agents.instances.connections import kept_to_project
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure, Misconfigured
from tests.databases.conftest import problem, query

LISTED: list[list[str]] = []
LISTINGS = ("os.scandir", "os.listdir", "glob.glob", "open")
sys.addaudithook(lambda event, args: LISTED[-1].append(event) if LISTED and event in LISTINGS else None)


@contextmanager
def listing() -> Iterator[list[str]]:
    """What is listed or opened in the block, as the interpreter itself reports it."""
    LISTED.append([])
    try:
        yield LISTED[-1]
    finally:
        LISTED.pop()


@pytest.fixture
def root(tmp_path, settings) -> Path:
    """The one folder that may be read; beside it lies one that may not."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.csv").write_text("secret\n42\n")
    with closing(sqlite3.connect(outside / "secret.db")) as database:
        database.execute("CREATE TABLE secret (a)")
    (inside / "t.csv").write_text("a,b\n1,2\n")
    settings.INSTANCE_FILE_ROOTS = [str(inside)]
    return inside


def refusal(kind: str, location: str) -> str:
    with listing() as events, pytest.raises(Misconfigured) as caught:
        parse_connection(kind, location)
    assert events == []
    return caught.value.message


def data(location: Path | str) -> Connection:
    return parse_connection("duckdb", str(location))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize(
    "typed",
    [
        "/", "/**/*.csv", "/*", "/etc/passwd", "/etc/absent", "/dev/zero", "/proc/self/mem", "{root}/../outside/*.*",
        "{root}/../outside/secret.csv", "{root}/../outside/absent.csv", "{root}/../out*/secret.csv", "{root}x/t.csv",
        "{root}/link/secret.csv", "{root}/link/absent.csv", "{root}/link/*.csv", "{root}/dangling/a.csv", "t.csv",
    ],
)  # fmt: skip
def test_what_lies_outside_is_refused_before_anything_is_looked_at_and_names_only_what_was_typed(root, kind, typed):
    (root / "link").symlink_to(root.parent / "outside")
    (root / "dangling").symlink_to(root.parent / "outside/absent")
    location = typed.format(root=root)
    assert refusal(kind, location) == f"{location} is outside the folders that instances may read."


def test_a_folder_a_file_or_a_pattern_names_data_files(root):
    for name in ("deep/er/u.tsv", "deep/v.csv", "w.csv.gz", "x.parquet.txt", ".hidden/y.csv", ".z.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a,b\n1,2\n")
    (root / "w.csv.gz").unlink()
    for location, names in {
        root: ["t"],
        root / "t.csv": ["t"],
        f"{root}/*/*.csv": ["v"],
        f"{root}/**/*.csv": ["t", "v"],
        f"{root}/**/**/*": ["t", "u", "v"],
        f"{root}/d?[e]p/**": ["u", "v"],
        f"{root}/**": ["t", "u", "v"],
    }.items():
        assert inspect(data(location)).tables == names, location


def test_what_is_not_there_is_found_out_by_connecting(root):
    assert inspect(parse_connection("sqlite", str(root / "absent.db"))).problems == [
        f"There is no file {root}/absent.db."
    ]
    assert inspect(parse_connection("sqlite", str(root))).problems == [f"There is no file {root}."]
    for location in (root / "absent", root / "absent.csv", root / "absent/*.csv", f"{root}/*.parquet"):
        assert inspect(data(location)).problems == [f"There is no CSV, TSV or Parquet file at {location}."]


def test_links_are_followed_to_files_inside_only(root):
    (root / "sub").mkdir()
    (root / "sub/real.csv").write_text("a,b\n1,2\n")
    (root / "sub/current.csv").symlink_to(root / "sub/real.csv")
    (root / "folder").symlink_to(root.parent / "outside")
    (root / "up").symlink_to(root)
    assert inspect(data(f"{root}/**/*.csv")).tables == ["real", "real_2", "t"]
    assert inspect(data(root / "sub/current.csv")).tables == ["real"]
    for target in (root.parent / "outside/secret.csv", root.parent / "outside/absent.csv"):
        (root / "out.csv").unlink(missing_ok=True)
        (root / "out.csv").symlink_to(target)
        for location in (root, f"{root}/*.csv"):
            problems = inspect(data(location)).problems
            assert problems == [f"{location} is outside the folders that instances may read."]


def test_special_files_are_no_files_and_nobody_waits_for_them(root, settings):
    os.mkfifo(root / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s.csv"))
    assert inspect(data(root)).tables == ["t"]
    assert inspect(data(root / "pipe.csv")).problems
    assert "no file" in problem(parse_connection("sqlite", str(root / "pipe.csv")), "SELECT 1").message
    settings.INSTANCE_FILE_ROOTS = ["/"]
    for location in ("/dev/zero", "/proc/kmsg", "/proc/*/environ", "/sys/power/*"):
        assert "outside" in refusal("duckdb", location)


@pytest.mark.skipif(not os.access(files.MEMORY, os.W_OK), reason="no folder in memory on this machine")
def test_a_folder_in_memory_is_open_where_it_is_named(settings):
    with tempfile.TemporaryDirectory(dir=files.MEMORY) as folder:
        Path(folder, "t.csv").write_text("a,b\n1,2\n")
        settings.INSTANCE_FILE_ROOTS = [folder]
        assert inspect(data(folder)).tables == ["t"]
        settings.INSTANCE_FILE_ROOTS = ["/"]
        assert "outside" in refusal("duckdb", folder)


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm"])
def test_a_journal_that_is_a_pipe_or_a_link_is_refused(root, ending):
    with closing(sqlite3.connect(root / "a.db")) as database:
        database.execute("CREATE TABLE t (a)")
    connection = parse_connection("sqlite", str(root / "a.db"))
    os.mkfifo(root / f"a.db{ending}")
    assert "no ordinary file" in problem(connection, "SELECT * FROM t").message
    (root / f"a.db{ending}").unlink()
    (root / f"a.db{ending}").symlink_to(root.parent / "outside/secret.db")
    assert "no ordinary file" in problem(connection, "SELECT * FROM t").message


def test_a_link_put_in_the_place_of_a_checked_file_or_folder_is_not_followed(root):
    (root / "sub").mkdir()
    (root / "sub/secret.csv").write_text("a,b\n1,2\n")
    connection = data(root / "sub/secret.csv")
    database = parse_connection("sqlite", str(root / "sub/secret.db"))
    assert query(connection, "FROM secret").rows == [[1, 2]]
    (root / "sub/secret.csv").unlink()
    (root / "sub/secret.csv").symlink_to(root.parent / "outside/secret.csv")
    assert "no CSV" in problem(connection, "FROM secret").message
    (root / "sub/secret.csv").unlink()
    (root / "sub").rmdir()
    (root / "sub").symlink_to(root.parent / "outside")
    assert "no CSV" in problem(connection, "FROM secret").message
    assert "no file" in problem(database, "SELECT * FROM secret").message
    with pytest.raises(OSError), files.opened(root / "sub/secret.csv"):
        pass


def test_a_file_once_opened_stays_the_one_that_is_read(root):
    with files.opened(root / "t.csv") as descriptor:
        (root / "t.csv").rename(root / "kept.csv")
        (root / "t.csv").symlink_to(root.parent / "outside/secret.csv")
        assert Path(files.path_of(descriptor)).read_text() == "a,b\n1,2\n"


def test_no_project_finds_another_s_warehouse(tmp_path, settings):
    settings.DATA_DIR, settings.INSTANCE_FILE_ROOTS = tmp_path, [str(tmp_path)]
    for project in ("1", "2"):
        (tmp_path / "warehouse" / project).mkdir(parents=True)
        (tmp_path / "warehouse" / project / f"of_{project}.csv").write_text("a,b\n1,2\n")
    (tmp_path / "warehouse" / "1" / "link.csv").symlink_to(tmp_path / "warehouse/2/of_2.csv")
    for location in (f"{tmp_path}/warehouse/1/of*", f"{tmp_path}/warehouse/*/of*", f"{tmp_path}/**/of*.csv"):
        assert inspect(kept_to_project(1, data(location))).tables == ["of_1"], location
    assert "outside" in inspect(kept_to_project(1, data(f"{tmp_path}/warehouse/1/*"))).problems[0]
    for location in ("warehouse/2/of_2.csv", "warehouse/2/absent.csv", "warehouse/2/*.csv", "warehouse/3", "warehouse"):
        with pytest.raises(Misconfigured) as caught:
            kept_to_project(1, data(tmp_path / location))
        assert caught.value.message == f"{tmp_path / location} is outside the folders that instances may read."


def test_the_walk_has_an_end(root, monkeypatch):
    for number in range(300):
        (root / f"{number}.txt").touch()
    monkeypatch.setattr(files, "MAX_ENTRIES", 250)
    assert "more than 250 files and folders" in problem(data(f"{root}/**/*.csv"), "FROM t").message
    monkeypatch.undo()
    (root / "/".join("d" * 40)).mkdir(parents=True)
    assert "deeper than 32 folders" in problem(data(f"{root}/**/*.csv"), "FROM t").message


def test_the_walk_counts_against_the_deadline_and_stops_for_a_cancel(root):
    for folder in range(150):
        (root / f"many/{folder}").mkdir(parents=True)
        for number in range(100):
            (root / f"many/{folder}/{number}.txt").touch()
    started = time.monotonic()
    failure = problem(data(f"{root}/many/**/*.csv"), "FROM t", timeout_seconds=0.01)
    assert (failure.kind, time.monotonic() - started < 5) == ("timeout", True)
    token = CancelToken()
    with stopping(token) as events:
        failure = problem(data(f"{root}/many/**/*.csv"), "FROM t", token=token)
    assert failure.kind == "cancelled"
    assert len(events) < 150


@contextmanager
def stopping(token: CancelToken) -> Iterator[list[str]]:
    """Cancels once the walk has begun."""

    class Watched(list):
        def append(self, event: str) -> None:
            super().append(event)
            if self.count("os.scandir") == 3:
                token.cancel("asked by Ada")

    LISTED.append(Watched())
    try:
        yield LISTED[-1]
    finally:
        LISTED.pop()


def test_a_failure_never_names_what_lies_outside(root):
    (root / "out.csv").symlink_to(root.parent / "outside/secret.csv")
    failure: Failure = problem(data(f"{root}/**"), "FROM out")
    assert "outside/secret" not in f"{failure.message} {failure.context}"
