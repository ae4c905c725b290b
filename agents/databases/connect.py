"""What an instance's connection text means: a PostgreSQL URL, a SQLite file, or data files for DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from agents.databases import postgres_address
from agents.databases.files import Place, place_of
from agents.databases.postgres_identity import Portal
from controlplane.domain.failures import Misconfigured

KINDS = ("postgres", "sqlite", "duckdb")
DATA_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
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
    """A checked connection. `conninfo` is for PostgreSQL (it holds the password), `place` for files.

    `portal` tells where the portal's own data is, where the connection must not lead.
    """

    kind: str
    conninfo: dict[str, str] = field(default_factory=dict, repr=False)
    place: Place | None = None
    portal: Callable[[], Portal] | None = field(default=None, repr=False, compare=False)

    @property
    def location(self) -> Place:
        """Where the files are. Raises `Misconfigured` for a connection that has none."""
        if self.place is None:
            raise Misconfigured("This connection names no files.")
        return self.place

    @property
    def secrets(self) -> tuple[str, ...]:
        password = self.conninfo.get("password", "")
        return (password,) if password else ()


def parse_connection(kind: str, location: str, *, roots: Iterable[str | Path] | None = None) -> Connection:
    """`location` is `postgresql://user:password@host/database`, a file path, or a folder or glob of CSV and Parquet.

    `roots` are the folders that may be read, by default those of the settings. Raises `Misconfigured` saying what is
    wrong; nothing is opened, and whether there are such files is found out by connecting.
    """
    location = location.strip()
    if kind not in KINDS:
        raise Misconfigured(f"{kind!r} is not a kind of instance; choose {', '.join(KINDS)}.")
    if not location or "\x00" in location:
        raise Misconfigured("The connection is empty." if not location else "The connection holds a NUL character.")
    if kind == "postgres":
        return Connection(kind, conninfo=_postgres(location))
    place = place_of(location, roots)
    if kind == "sqlite" and place.pattern:
        raise Misconfigured(f"{location} is a pattern; a SQLite instance is one file.")
    return Connection(kind, place=place)


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
