"""Reactions of tests, and the table in which their effects can be counted: a row each time, nothing is unique."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from controlplane.events.models import Event
from controlplane.events.reactions import declared
from controlplane.events.reactions.declared import Reaction, Retry, reacts_to

CREATE = "CREATE TABLE reaction_effect (reaction text, event_id bigint, type text, process int)"


@contextmanager
def effects_are_counted() -> Iterator[None]:
    with connection.cursor() as sql:
        sql.execute(CREATE)
    try:
        yield
    finally:
        with connection.cursor() as sql:
            sql.execute("DROP TABLE reaction_effect")


def count_effect(reaction: str, event: Event) -> None:
    with connection.cursor() as sql:
        sql.execute(
            "INSERT INTO reaction_effect VALUES (%s, %s, %s, %s)", [reaction, event.pk, event.type, os.getpid()]
        )


def effects(reaction: str) -> Counter[int]:
    """Event id -> how often it had its effect."""
    with connection.cursor() as sql:
        sql.execute("SELECT event_id FROM reaction_effect WHERE reaction = %s", [reaction])
        return Counter(pk for (pk,) in sql.fetchall())


def seen(name: str) -> list[int]:
    """Events that had their effect, each as often as it had."""
    return sorted(effects(name).elements())


def ids(events: list[Event]) -> list[int]:
    return [event.pk for event in events]


def effect_types(reaction: str) -> list[str]:
    """In the order in which they were made."""
    with connection.cursor() as sql:
        sql.execute("SELECT type FROM reaction_effect WHERE reaction = %s ORDER BY ctid", [reaction])
        return [type for (type,) in sql.fetchall()]


def effect_makers() -> set[int]:
    """The ids of the processes that made any."""
    with connection.cursor() as sql:
        sql.execute("SELECT DISTINCT process FROM reaction_effect")
        return {pid for (pid,) in sql.fetchall()}


@reacts_to("run.failed")
def on_failed(event: Event) -> None:
    count_effect("on_failed", event)


@reacts_to("step.succeeded")
def on_succeeded(event: Event) -> None:
    count_effect("on_succeeded", event)


@reacts_to("run.failed", "step.succeeded", retry=Retry(tries=1_000_000, longest=0.1))
def always_broken(event: Event) -> None:
    """Its effect must never be seen."""
    count_effect("always_broken", event)
    raise RuntimeError("broken on purpose")


REACTIONS = (on_failed, on_succeeded, always_broken)


@contextmanager
def with_reactions(*reactions: Reaction) -> Iterator[None]:
    """Installed in this process, as an app does at start."""
    try:
        declared.install(*reactions)
        yield
    finally:
        declared.uninstall(*(reaction.name for reaction in reactions))


def happen(project, *types: str, **data: object) -> list[Event]:
    """One event of each type, in one transaction, without a bell."""
    facts = {"project": project, "subject_kind": "run", "subject_id": 1, "actor": "bob", "data": data}
    with transaction.atomic():
        return Event.objects.bulk_create(Event(type=type, **facts) for type in types)
