"""PostgreSQL values as JSON-ready ones. Most stay the server's own text: it has no year 10000 and no infinity trap."""

from __future__ import annotations

import json
from collections.abc import Iterable

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.types.string import TextLoader

from agents.databases.postgres_parameters import Parameter, ParameterDumper

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


def set_adapters(database: psycopg.Connection) -> None:
    """Set this connection's loaders, and how it sends parameters."""
    database.adapters.register_dumper(Parameter, ParameterDumper)
    for name in AS_TEXT:
        database.adapters.register_loader(name, TextLoader)
    for name in ("timestamptz", "timestamp"):
        database.adapters.register_loader(name, IsoTimestamp)
    for name in ("json", "jsonb"):
        database.adapters.register_loader(name, SafeJson)


def columns(database: psycopg.Connection, described: Iterable[tuple[str, int]]) -> list[dict[str, str]]:
    """Of a result without rows: `described` has the name of each and its type's number."""
    return [{"name": name, "type": _type_name(database, oid)} for name, oid in described]


def _type_name(database: psycopg.Connection, oid: int) -> str:
    known = database.adapters.types.get(oid)
    if known is None:
        return str(oid)
    return f"{known.name}[]" if oid == known.array_oid else known.name
