"""Django's cache, kept in PostgreSQL: limits on wrong passwords and codes that were used once.

In Valkey they would be gone with it, or pushed out by whoever fills it, and nobody could sign in while it is away.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection, transaction

from controlplane.projects.models import Remembered

TABLE = Remembered._meta.db_table
PUT = f"""
    INSERT INTO {TABLE} AS kept (key, value, expires_at)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
"""  # noqa: S608
ONLY_NEW = "WHERE kept.expires_at <= clock_timestamp()"
IS_LIVE = "key = %s AND (expires_at IS NULL OR expires_at > clock_timestamp())"


class PostgresCache(BaseCache):
    """Values are JSON. Every process sees the same, by the database's clock."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """False when there is a live value already. Of many at once exactly one gets True."""
        return self.put(f"{PUT} {ONLY_NEW}", key, value, timeout, version)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        with connection.cursor() as sql:
            sql.execute(f"SELECT value FROM {TABLE} WHERE {IS_LIVE}", [self.name(key, version)])  # noqa: S608
            row = sql.fetchone()
        return default if row is None else json.loads(row[0])

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self.put(PUT, key, value, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        seconds = self.seconds(timeout)
        with connection.cursor() as sql:
            change = "expires_at = clock_timestamp() + make_interval(secs => %s)"
            sql.execute(f"UPDATE {TABLE} SET {change} WHERE {IS_LIVE}", [seconds, self.name(key, version)])  # noqa: S608
            return sql.rowcount == 1

    def delete(self, key: Any, version: int | None = None) -> bool:
        return Remembered.objects.filter(pk=self.name(key, version)).delete()[0] == 1

    def clear(self) -> None:
        Remembered.objects.all().delete()

    def put(self, statement: str, key: Any, value: Any, timeout: Any, version: int | None) -> bool:
        given = [self.name(key, version), json.dumps(value), self.seconds(timeout)]
        with transaction.atomic(), connection.cursor() as sql:
            sql.execute(statement, given)
            return sql.rowcount == 1

    def name(self, key: Any, version: int | None) -> str:
        return self.make_and_validate_key(key, version=version)

    def seconds(self, timeout: Any) -> float | None:
        """None: for ever. make_interval of NULL is NULL."""
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout


def forget_what_is_over() -> int:
    """Delete what has expired; how many."""
    with connection.cursor() as sql:
        sql.execute(f"DELETE FROM {TABLE} WHERE expires_at <= clock_timestamp()")  # noqa: S608
        return sql.rowcount
