"""Reading events: a run's stream by `seq`, a project's feed by `(xid, id)` below the oldest open transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet

from controlplane.domain.errors import InvalidInput
from controlplane.events.models import Cursor, Event

PAGE = 500
# A transaction that is still open may yet add events before those of one that has ended.
FINAL = "xid < pg_snapshot_xmin(pg_current_snapshot())"


def parse_cursor(text: str, field: str = "after") -> Cursor:
    """The cursor in a request; empty is the beginning. Raises InvalidInput naming `field`."""
    try:
        return Cursor.read(text or "0.0")
    except ValueError as error:
        raise InvalidInput.field(field, "This is not a cursor of the activity feed.") from error


def stream(kind: str, subject_id: int, *, after: int = 0, limit: int = PAGE) -> QuerySet[Event]:
    """Events of one subject with seq > after, oldest first."""
    rows = Event.objects.filter(subject_kind=kind, subject_id=subject_id, seq__gt=after)
    return rows.order_by("seq")[:limit]


def last_seqs(subjects: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The newest `seq` of each (kind, id), 0 for none, in one query."""
    kinds, ids = [kind for kind, _ in subjects], [subject_id for _, subject_id in subjects]
    with connection.cursor() as sql:
        sql.execute(LAST_SEQS, [kinds, ids])
        return {(kind, subject_id): seq for kind, subject_id, seq in sql.fetchall()}


LAST_SEQS = """
    SELECT kind, id, coalesce(
        (SELECT max(seq) FROM events_event WHERE subject_kind = wanted.kind AND subject_id = wanted.id), 0)
    FROM unnest(%s::text[], %s::bigint[]) AS wanted(kind, id)
"""


def feed_after(project_ids: Sequence[int], cursor: Cursor, *, limit: int = PAGE) -> list[Event]:
    """What was committed after `cursor`, in a final order: nothing can still appear before the last row."""
    after = f"(xid, id) > (%s::text::xid8, %s) AND {FINAL}"
    rows = Event.objects.activity(project_ids)
    rows = rows.extra(where=[after], params=[str(cursor.xid), cursor.id])  # noqa: S610
    return list(rows.order_by("xid", "id")[:limit])


def recent(project_ids: Sequence[int], *, before: Cursor | None = None, limit: int = 50) -> list[Event]:
    """The newest events of these projects, newest first; with `before`, those older than it."""
    rows = Event.objects.activity(project_ids).extra(where=[FINAL])  # noqa: S610
    if before:
        params = [str(before.xid), before.id]
        rows = rows.extra(where=["(xid, id) < (%s::text::xid8, %s)"], params=params)
    return list(rows.order_by("-xid", "-id")[:limit])


def last_id() -> int:
    """The highest id given so far, about the number of events ever written; 0 without any."""
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


def latest_cursor() -> Cursor:
    """The place after everything that is final now."""
    with connection.cursor() as sql:
        sql.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return Cursor(sql.fetchone()[0] - 1, 2**62)
