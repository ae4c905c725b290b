"""What reactions have not seen yet: by `(xid, id)` below the oldest open transaction, as the feed is read.

The index has the type first, so that a reaction to `run.failed` never reads past a million steps and its place is
written only when something happened. It costs 1.6 µs and 83 bytes an event, of 4.3 µs that its insertion takes without;
one on `(xid, id)` alone 0.5 µs and 32 bytes, but then each reaction reads every event of all the others. BRIN gives no
order.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from controlplane.events.models import Cursor, Event
from controlplane.events.queries import FINAL, latest_cursor
from controlplane.events.reactions.declared import Reaction

# LATERAL with LIMIT: one look into the index a type, whatever the planner believes of the table.
WAITING = f"""
SELECT wanted.name, bool_or(place.name IS NULL) AS is_new
FROM unnest(%s::text[], %s::text[]) AS wanted(name, type)
LEFT JOIN events_reactioncursor place ON place.name = wanted.name
LEFT JOIN LATERAL (
    SELECT true AS is_there FROM events_event
    WHERE type = wanted.type AND (xid, id) > (place.xid, place.event_id) AND {FINAL} ORDER BY xid, id LIMIT 1
) next ON true
WHERE place.name IS NULL OR (next.is_there AND place.next_try_at <= statement_timestamp())
GROUP BY wanted.name ORDER BY min(place.updated_at)
"""  # noqa: S608
BEGIN = """
INSERT INTO events_reactioncursor (name, xid, event_id, failures, last_error, failures_total)
SELECT name, %s::text::xid8, %s, 0, '', 0 FROM unnest(%s::text[]) AS new(name) ON CONFLICT (name) DO NOTHING
"""
AFTER = f"""
SELECT event.* FROM unnest(%(types)s::text[]) AS wanted(type) CROSS JOIN LATERAL (
    SELECT * FROM events_event
    WHERE type = wanted.type AND (xid, id) > (%(xid)s::text::xid8, %(id)s) AND {FINAL}
    ORDER BY xid, id LIMIT %(limit)s
) event ORDER BY event.xid, event.id LIMIT %(limit)s
"""  # noqa: S608
# Counted with those that an open transaction still keeps from everybody: it is what a collector has to show.
LAG = """
SELECT wanted.name, sum(behind.events)::bigint, extract(epoch FROM now() - min(behind.oldest))::float
FROM unnest(%s::text[], %s::text[]) AS wanted(name, type)
JOIN events_reactioncursor place ON place.name = wanted.name
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(at) AS oldest FROM (
        SELECT at FROM events_event
        WHERE type = wanted.type AND (xid, id) > (place.xid, place.event_id) ORDER BY xid, id LIMIT %s
    ) counted
) behind GROUP BY wanted.name
"""


def waiting(reactions: Collection[Reaction]) -> list[str]:
    """Names of those that have something to do now, longest waiting first. New ones get a place after all there is."""
    with connection.cursor() as sql:
        sql.execute(WAITING, pairs(reactions))
        rows = sql.fetchall()
    new = [name for name, is_new in rows if is_new]
    if new:
        begin(new)
    return [name for name, is_new in rows if not is_new]


def begin(names: list[str]) -> None:
    """New reactions see what is committed from now on; those that have a place keep it."""
    now = latest_cursor()
    with connection.cursor() as sql:
        sql.execute(BEGIN, [str(now.xid), now.id, names])


def after(place: Cursor, types: Collection[str], *, limit: int) -> list[Event]:
    """The next events of these types in a final order: nothing can still appear before the last one."""
    asked = {"types": sorted(types), "xid": str(place.xid), "id": place.id, "limit": limit}
    return list(Event.objects.raw(AFTER, asked))


def lag(reactions: Collection[Reaction], *, most: int) -> dict[str, tuple[int, float]]:
    """By name: how many events wait, at most `most` counted of each type, and for how many seconds the oldest has."""
    with connection.cursor() as sql:
        sql.execute(LAG, [*pairs(reactions), most])
        return {name: (events, max(seconds or 0.0, 0.0)) for name, events, seconds in sql.fetchall()}


def pairs(reactions: Collection[Reaction]) -> list[list[str]]:
    """Two columns: each reaction's name beside each of its types."""
    found = [(reaction.name, type) for reaction in reactions for type in sorted(reaction.types)]
    return [[name for name, _ in found], [type for _, type in found]]
