"""The portal's own PostgreSQL, as far as its address goes: of all roles only its own reader is let there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from posixpath import normpath

from django.db import connection

LONGEST_NAME = 63


def reader_role() -> str:
    """The role that the portal makes to read its own database; one for each, because roles belong to the server."""
    return f"{connection.settings_dict['NAME'][: LONGEST_NAME - len('_reader')]}_reader"


def admits(conninfo: Mapping[str, str], host: str, port: int) -> bool:
    """Whether an instance may go to `host` because it is the portal's own database and signs in as its reader."""
    return conninfo.get("user") == reader_role() and (normpath(host), port) in _servers()


def certificate() -> str:
    """The file by which the portal knows its own database; empty for none."""
    return str(connection.settings_dict["OPTIONS"].get("sslrootcert") or "")


def _servers() -> frozenset[tuple[str, int]]:
    """Host or socket folder and port of each server that DATABASE_URL names."""
    configured = connection.settings_dict
    if not configured["HOST"]:
        return _connected_to()
    hosts = configured["HOST"].split(",")
    ports = (configured["PORT"] or os.environ.get("PGPORT") or "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return frozenset((normpath(host), int(port)) for host, port in zip(hosts, ports, strict=False))


@lru_cache(maxsize=1)
def _connected_to() -> frozenset[tuple[str, int]]:
    """Where libpq's own defaults lead; they stay the same as long as the process lives."""
    with connection.temporary_connection():
        info = connection.connection.info
        return frozenset({(normpath(info.host), info.port)})
