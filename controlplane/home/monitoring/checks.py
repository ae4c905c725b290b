"""Looks at the database itself: does it keep every rule that the models say it keeps?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.loader import MigrationLoader

NAMES = """
SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION SELECT relname FROM pg_class WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace
"""
HINT = "The schema was changed by hand, made by another version, or restored in part."


@register(Tags.database)
def constraints_are_there(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each constraint that a model declares and its table does not have.

    Says nothing before every migration was applied: `migrate` asks all checks first, and would never begin.
    """
    return [message for alias in databases or () if is_migrated(alias) for message in missing(alias)]


def is_migrated(alias: str) -> bool:
    loader = MigrationLoader(connections[alias])
    return all(migration in loader.applied_migrations for migration in loader.graph.leaf_nodes())


def missing(alias: str) -> Iterator[Error]:
    with connections[alias].cursor() as cursor:
        cursor.execute(NAMES)
        known = {name for (name,) in cursor.fetchall()}
    for model in apps.get_models():
        for constraint in model._meta.constraints if model._meta.managed else ():
            if constraint.name not in known:
                message = f"The table {model._meta.db_table} lacks the constraint {constraint.name}."
                yield Error(message, hint=HINT, obj=model, id="sparkops.E001")
