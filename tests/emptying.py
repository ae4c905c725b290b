"""Tests that commit leave an empty database behind: rows are deleted, which takes a tenth of truncating every table.

Content types and permissions stay, which Django would write anew each time.
"""

from __future__ import annotations

from functools import cache

from django.apps import apps
from django.db import connection, connections
from django.test import TransactionTestCase

KEPT = {"contenttypes.ContentType", "auth.Permission"}
# Deleted rows stay in the files until somebody vacuums: now and then all of it is truncated.
TRUNCATE_EVERY = 100

_truncate = TransactionTestCase._fixture_teardown
_times = 0


@cache
def deletions() -> str:
    """One statement a table. Foreign keys are checked when all is gone."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.label not in KEPT]
    tables = {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}
    return ";".join(f'DELETE FROM "{table}"' for table in sorted(tables))


def empty(self: TransactionTestCase) -> None:
    global _times
    _times += 1
    if _times % TRUNCATE_EVERY == 0:
        _truncate(self)
        return
    for other in connections.all(initialized_only=True):
        assert not other.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET CONSTRAINTS ALL DEFERRED; " + deletions() + "; COMMIT")


def delete_instead_of_truncating() -> None:
    TransactionTestCase._fixture_teardown = empty
