"""What an instance's connection text means: a PostgreSQL URL, a SQLite file, or data files for DuckDB."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from agents.databases import postgres_address
from agents.databases.postgres_identity import Portal
from controlplane.domain.failures import Misconfigured

KINDS = ("postgres", "sqlite", "duckdb")
DATA_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
MAX_FILES = 500
# Others can read files of this machine, run programs or undo the limits (options, service, passfile, sslkey).
URL_PARAMETERS = frozenset(
    (
        "host",
        "port",
        "user",
        "password",
        "dbname",
        "sslmode",
        "sslrootcert",
        "sslnegotiation",
        "channel_binding",
        "gssencmode",
        "target_session_attrs",
        "application_name",
        "connect_timeout",
    )
)


@dataclass(frozen=True)
class Connection:
    """A checked connection. `conninfo` is for PostgreSQL (it holds the password), `files` for the others.

    `portal` tells where the portal's own data is, where the connection must not lead.
    """

    kind: str
    conninfo: dict[str, str] = field(default_factory=dict, repr=False)
    files: tuple[Path, ...] = ()
    portal: Callable[[], Portal] | None = field(default=None, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        password = self.conninfo.get("password", "")
        return (password,) if password else ()


def parse_connection(kind: str, location: str) -> Connection:
    """`location` is `postgresql://user:password@host/database`, a file path, or a folder or glob of CSV and Parquet.

    Raises `Misconfigured` saying what is wrong; nothing is opened.
    """
    location = location.strip()
    if kind not in KINDS:
        raise Misconfigured(f"{kind!r} is not a kind of instance; choose {', '.join(KINDS)}.")
    if not location or "\x00" in location:
        raise Misconfigured("The connection is empty." if not location else "The connection holds a NUL character.")
    if kind == "postgres":
        return Connection(kind, conninfo=_postgres(location))
    files = (_sqlite_file(location),) if kind == "sqlite" else tuple(_data_files(location))
    return Connection(kind, files=files)


def _postgres(url: str) -> dict[str, str]:
    if not url.startswith(("postgresql://", "postgres://")):
        raise Misconfigured("A PostgreSQL connection is a URL: postgresql://user:password@host:5432/database.")
    try:
        urlsplit(url)
        conninfo = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, ValueError) as error:
        # libpq quotes the part it cannot read, which may be the password.
        raise Misconfigured(
            "The PostgreSQL URL cannot be read; mind that @ : / in a password are written %40 %3A %2F."
        ) from error
    if unknown := sorted(set(conninfo) - URL_PARAMETERS):
        raise Misconfigured(f"The PostgreSQL URL may not set {', '.join(unknown)}.")
    if missing := [name for name in ("host", "user", "dbname") if not conninfo.get(name)]:
        raise Misconfigured(f"The PostgreSQL URL does not name the {', '.join(missing)}.")
    postgres_address.check(conninfo)
    return conninfo


def _sqlite_file(location: str) -> Path:
    path = _permitted(Path(location))
    if not path.is_file():
        raise Misconfigured(f"There is no file {location}.")
    return path


def _data_files(location: str) -> list[Path]:
    path = Path(location)
    found = path.iterdir() if path.is_dir() else (Path(name) for name in glob.iglob(location, recursive=True))
    files = sorted(item for item in found if item.name.lower().endswith(DATA_SUFFIXES) and item.is_file())
    if not files:
        raise Misconfigured(f"There is no CSV, TSV or Parquet file at {location}.")
    if len(files) > MAX_FILES:
        raise Misconfigured(f"{location} holds more than {MAX_FILES} data files; name fewer with a pattern.")
    return [_permitted(item) for item in files]


def _permitted(path: Path) -> Path:
    """The real path, links resolved. The setting INSTANCE_FILE_ROOTS, when given, says which folders may be read."""
    real = path.resolve()
    roots: Iterable[str] = getattr(settings, "INSTANCE_FILE_ROOTS", ())
    if roots and not any(real.is_relative_to(Path(root).resolve()) for root in roots):
        raise Misconfigured(f"{path} is outside the folders that instances may read.")
    return real
