"""PostgreSQL values as JSON-ready ones. Most stay the server's own text: it has no year 10000 and no infinity trap."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import ExecStatus
from psycopg.types.json import Jsonb
from psycopg.types.string import TextLoader

AS_TEXT = (
    "numeric",
    "date",
    "time",
    "timetz",
    "interval",
    "uuid",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
)


class IsoTimestamp(Loader):
    """`2026-01-02 03:04:05+00` as `2026-01-02T03:04:05Z`; the session's time zone is UTC."""

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode()
        return (text[:-3] + "Z" if text.endswith("+00") else text).replace(" ", "T", 1)


class SafeJson(Loader):
    """JSON that is nested too deeply to parse stays text."""

    def load(self, data: Buffer) -> object:
        text = bytes(data).decode()
        try:
            return json.loads(text)
        except (RecursionError, ValueError):
            return text


def register(database: psycopg.Connection) -> None:
    """Set this connection's loaders."""
    for name in AS_TEXT:
        database.adapters.register_loader(name, TextLoader)
    for name in ("timestamptz", "timestamp"):
        database.adapters.register_loader(name, IsoTimestamp)
    for name in ("json", "jsonb"):
        database.adapters.register_loader(name, SafeJson)


def parameter(value: object) -> Any:
    """A JSON value as a parameter: objects become jsonb, lists arrays."""
    if isinstance(value, Mapping):
        return Jsonb(value)
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return Jsonb(value)
    return value


def described(database: psycopg.Connection, sql: str) -> list[dict[str, str]]:
    """The columns a statement would return, without running it; empty when it returns none."""
    encoding = database.info.encoding
    if database.pgconn.prepare(b"", sql.encode(encoding)).status != ExecStatus.COMMAND_OK:
        return []
    result = database.pgconn.describe_prepared(b"")
    return [
        {"name": (result.fname(index) or b"").decode(encoding), "type": _type_name(database, result.ftype(index))}
        for index in range(result.nfields)
    ]


def _type_name(database: psycopg.Connection, oid: int) -> str:
    known = database.adapters.types.get(oid)
    return known.name if known else str(oid)
