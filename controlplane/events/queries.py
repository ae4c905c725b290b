"""Reading events: a run's stream by `seq`, a project's feed by `(xid, id)` below the oldest open transaction."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from controlplane.domain.errors import InvalidInput
from controlplane.events.models import Event

PAGE = 500


def stream(kind: str, subject_id: int, *, after: int = 0, limit: int = PAGE) -> QuerySet[Event]:
    """Events of one subject with seq > after, oldest first."""
    rows = Event.objects.filter(subject_kind=kind, subject_id=subject_id, seq__gt=after)
    return rows.order_by("seq")[:limit]


@dataclass(frozen=True)
class Cursor:
    """A place in a project's feed. Text form `XID.ID`."""

    xid: int = 0
    id: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        try:
            xid, id = (text or "0.0").split(".")
            return cls(int(xid), int(id))
        except ValueError as error:
            raise InvalidInput.field("after", "This is not a cursor of the activity feed.") from error

    def __str__(self) -> str:
        return f"{self.xid}.{self.id}"


def feed_after(project_ids: list[int], cursor: Cursor, *, limit: int = PAGE) -> list[Event]:
    """What was committed after `cursor`, in a final order: nothing can still appear before the last row."""
    visible = "(xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    rows = Event.objects.filter(project_id__in=project_ids).extra(where=[visible], params=[str(cursor.xid), cursor.id])
    return list(rows.order_by("xid", "id")[:limit])


def latest_cursor() -> Cursor:
    """The place after everything that is final now."""
    with connection.cursor() as sql:
        sql.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return Cursor(sql.fetchone()[0] - 1, 2**62)
