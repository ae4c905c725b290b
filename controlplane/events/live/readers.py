"""How each kind of stream is read: frames after a position, in a final order, ready for the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from django.db.models import Max

from controlplane.events import queries
from controlplane.events.live import notify
from controlplane.events.models import Event

PAGE = 500
NET_SECONDS = 2.0


# The web process sends no larger message than it takes (64 KiB); nobody needs more to know that something happened.
MOST_FRAME_BYTES = 48 * 1024


def wire_text(frame: dict[str, Any]) -> str:
    """One message. `data` that is too large is left out and marked; the API has it."""
    text = json.dumps(frame, ensure_ascii=False)
    if len(text) * 4 > MOST_FRAME_BYTES and len(text.encode()) > MOST_FRAME_BYTES:
        return json.dumps({**frame, "data": {"truncated": True}}, ensure_ascii=False)
    return text


class Frame(NamedTuple):
    """`position` is an int for a subject's stream and a queries.Cursor for a feed; `text` is what goes out."""

    position: Any
    text: str


@dataclass(frozen=True)
class SubjectReader:
    """The events of one thing by `seq`, which has no gaps. The hub's net looks after all of them with one query."""

    kind: str
    subject_id: int
    # Seconds after a bell at which to look again, and from then on.
    echoes: ClassVar[tuple[float, ...]] = ()
    idle: ClassVar[float | None] = None

    @property
    def groups(self) -> list[str]:
        return [notify.subject_group(self.kind, self.subject_id)]

    def begin(self, after: str) -> int:
        """The position a client asks for. Raises ValueError."""
        position = int(after or 0)
        if not 0 <= position < 2**31:
            raise ValueError(after)
        return position

    def head(self) -> int:
        """The position of the newest event."""
        events = Event.objects.filter(subject_kind=self.kind, subject_id=self.subject_id)
        return events.aggregate(last=Max("seq"))["last"] or 0

    def after(self, position: int) -> list[Frame]:
        events = queries.stream(self.kind, self.subject_id, after=position, limit=PAGE)
        return [Frame(event.seq, wire_text(event.as_frame())) for event in events]


@dataclass(frozen=True)
class FeedReader:
    """The activity of projects. What was just committed becomes final only when older transactions have ended."""

    project_ids: tuple[int, ...]
    echoes: ClassVar[tuple[float, ...]] = (0.05, 0.15, 0.4)
    idle: ClassVar[float | None] = NET_SECONDS
    most_groups: int = field(default=100, repr=False)

    @property
    def groups(self) -> list[str]:
        """Who watches very many projects is served by the net alone."""
        few = len(self.project_ids) <= self.most_groups
        return [notify.project_group(pk) for pk in self.project_ids] if few else []

    def begin(self, after: str) -> queries.Cursor:
        """The place a client asks for; without one, now. Raises ValueError."""
        if after in {"", "0"}:
            return queries.latest_cursor()
        return queries.Cursor.read(after)

    def head(self) -> queries.Cursor:
        return queries.latest_cursor()

    def after(self, position: queries.Cursor) -> list[Frame]:
        events = queries.feed_after(list(self.project_ids), position, limit=PAGE)
        return [Frame(event.cursor, wire_text(event.as_feed_frame())) for event in events]


Reader = SubjectReader | FeedReader
