"""The files of a DuckDB instance as views, each read through a descriptor opened inside the instance's folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from agents.databases.csv_files import (
    MISFIT,
    Layout,
    examination,
    layout_of,
    quoted,
    reason_of,
    types_of,
    unreadable,
    view,
)
from agents.databases.failures import ConnectionLost
from agents.databases.files import opened, path_of
from controlplane.domain.failures import Failure

SUFFIX = re.compile(r"\.(csv|tsv|parquet)(\.gz)?$", re.IGNORECASE)
# What asks which tables there are, rather than for one by its name.
CATALOGUE = re.compile(r"information_schema|duckdb_|pg_|sqlite_|\bshow\b")
State = tuple[int, int, int]


class Misfit(Exception):
    """A value is not what the first ones of its column are."""


@dataclass(frozen=True)
class Source:
    """One open file; `state` is what it was when it was opened."""

    name: str
    file: Path
    descriptor: int
    state: State

    @property
    def path(self) -> str:
        return path_of(self.descriptor)

    @property
    def is_csv(self) -> bool:
        return not self.file.name.lower().endswith(".parquet")

    def layout(self) -> Layout:
        return layout_of(self.file, self.descriptor)


def view_names(files: Sequence[Path]) -> dict[str, Path]:
    """`Sales 2026.csv` becomes `sales_2026`; a second file of that name gets `_2`."""
    names: dict[str, Path] = {}
    for file in files:
        stem = re.sub(r"\W+", "_", SUFFIX.sub("", file.name)).strip("_").lower() or "data"
        stem = f"t_{stem}" if stem[0].isdigit() else stem
        number, name = 1, stem
        while name in names:
            number += 1
            name = f"{stem}_{number}"
        names[name] = file
    return names


def needed(names: Mapping[str, Path], text: str) -> dict[str, Path]:
    """Those that `text` names, and all when it asks what there is: a file nobody reads need not be readable."""
    text = text.lower()
    everything = CATALOGUE.search(text) is not None
    return {name: file for name, file in names.items() if everything or name in text or file.name.lower() in text}


@contextmanager
def source(name: str, file: Path) -> Iterator[Source]:
    """Raises ConnectionFailed when there is no such file any more."""
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(opened(file))
        except OSError as error:
            raise unreadable(file.name, f"cannot be opened: {error.strerror or 'it is no file'}") from error
        yield Source(name, file, descriptor, _state(descriptor))


def expose(database: duckdb.DuckDBPyConnection, one: Source, *, sample: int | None) -> str | None:
    """Make its view, with the types of its first `sample` rows or of all; gives what a person should know of it."""
    if not one.is_csv:
        database.execute(f'CREATE VIEW "{one.name}" AS FROM read_parquet({quoted(one.path)})')
        return None
    layout = one.layout()
    database.execute(examination(layout, one.path, rows=sample))
    database.execute(view(one.name, layout, one.path, types_of(database.fetchone() or ())))
    return layout.notice


@contextmanager
def reading(sources: Sequence[Source], *, may_misfit: bool = False) -> Iterator[None]:
    """Around all that reads them: a file's fault names the file, and one that changed meanwhile is no answer.

    Raises Misfit, where it may, ConnectionFailed and ConnectionLost.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        if may_misfit and MISFIT in str(error):
            raise Misfit from error
        raise _changed(sources) or _faulty(sources, error) or error from error
    if failure := _changed(sources):
        raise failure


def _state(descriptor: int) -> State:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed(sources: Sequence[Source]) -> Failure | None:
    for one in sources:
        if _state(one.descriptor) != one.state:
            return ConnectionLost(f"{one.file.name} changed while it was read. Run the query again.")
    return None


def _faulty(sources: Sequence[Source], error: duckdb.Error) -> Failure | None:
    """DuckDB names the file by the path it was given."""
    text = str(error)
    named = [one for one in sources if re.search(rf"{re.escape(one.path)}(?!\d)", text)]
    about = named or (sources if len(sources) == 1 else [])
    if len(about) != 1:
        return None
    if about[0].is_csv:
        reason = reason_of(text)
        return unreadable(about[0].file.name, reason) if reason else None
    return unreadable(about[0].file.name, "cannot be read as Parquet") if named else None
