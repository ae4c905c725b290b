"""What was rendered, kept for some seconds in this process and in Valkey."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, field

from redis.exceptions import RedisError

from controlplane.domain.database import lend_connection
from controlplane.domain.valkey import key as name
from controlplane.domain.valkey import valkey
from controlplane.events.models import Cursor

logger = logging.getLogger(__name__)
KEPT_SECONDS = 5
SHELF_BYTES = 16 * 1024 * 1024
# Valkey is here to save work: one that is slower than rendering saves none.
VALKEY_SECONDS = 0.2
TRY_AGAIN_SECONDS = 5.0
# Nobody renders a part for longer than this while others wait for it.
CLAIM_SECONDS = 3


@dataclass(frozen=True)
class Entry:
    """A part as it was when its stream had come to `position`, as text of either kind; `made` is a clock's seconds."""

    body: str = field(repr=False)
    position: str
    made: float
    etag: str = ""

    @classmethod
    def of(cls, body: str, position: str) -> Entry:
        etag = hashlib.blake2b(body.encode(), digest_size=12).hexdigest()
        return cls(body, position, time.time(), f'"{etag}"')

    @property
    def age(self) -> float:
        return time.time() - self.made

    def covers(self, asked: str) -> bool:
        """Whether it shows everything up to the position `asked`."""
        return place(self.position) >= place(asked)

    def is_good(self, asked: str, most_seconds: float) -> bool:
        """It is younger than `most_seconds`, or covers `asked`: for a while, since not all that changes has events."""
        return self.age < most_seconds or (self.age < KEPT_SECONDS and self.covers(asked))


def place(position: str) -> Cursor:
    """Of a feed's cursor or a stream's number. Raises ValueError."""
    return Cursor(int(position), 0) if position.isdecimal() else Cursor.read(position)


class Shelf:
    """The entries of this process, the ones used last kept longest."""

    def __init__(self, most_bytes: int = SHELF_BYTES) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: str) -> Entry | None:
        with self.lock:
            entry = self.entries.get(key)
            if entry is not None:
                self.entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: Entry) -> None:
        with self.lock:
            self._drop(key)
            self.entries[key] = entry
            self.bytes += len(entry.body)
            while self.bytes > self.most_bytes or self._oldest_is_old():
                self._drop(next(iter(self.entries)))

    def _drop(self, key: str) -> None:
        gone = self.entries.pop(key, None)
        self.bytes -= len(gone.body) if gone else 0

    def _oldest_is_old(self) -> bool:
        return bool(self.entries) and next(iter(self.entries.values())).age > 2 * KEPT_SECONDS


class Store:
    """What processes share. While Valkey is full, away or slow each has only its own."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.away_until = 0.0

    def find(self, key: str, asked: str, most_seconds: float) -> Entry | None:
        """The entry that covers `asked`, or is younger than `most_seconds`."""
        mine = self.shelf.get(key)
        if mine and mine.is_good(asked, most_seconds):
            return mine
        theirs = self.fetch(key)
        if theirs and (mine is None or theirs.made > mine.made):
            self.shelf.put(key, theirs)
        return theirs if theirs and theirs.is_good(asked, most_seconds) else None

    def last(self, key: str) -> Entry | None:
        """What this process has, however old it is, as long as it is kept."""
        entry = self.shelf.get(key)
        return entry if entry and entry.age < KEPT_SECONDS else None

    def fetch(self, key: str) -> Entry | None:
        text = self._ask(lambda client: client.get(name("part", key)))
        return Entry(**json.loads(text)) if isinstance(text, str) else None

    def keep(self, key: str, entry: Entry) -> None:
        self.shelf.put(key, entry)
        text = json.dumps(asdict(entry))
        self._ask(lambda client: client.set(name("part", key), text, ex=KEPT_SECONDS))

    def claim(self, key: str) -> bool:
        """Whether it is this caller's to render: nobody else does at the moment, or nobody can tell."""
        claimed = self._ask(lambda client: client.set(name("claim", key), "1", nx=True, ex=CLAIM_SECONDS) or "")
        return claimed != ""

    def give_back(self, key: str) -> None:
        self._ask(lambda client: client.delete(name("claim", key)))

    def _ask(self, question):
        if time.monotonic() < self.away_until:
            return None
        lend_connection()
        try:
            return question(valkey(VALKEY_SECONDS))
        except RedisError:
            self.away_until = time.monotonic() + TRY_AGAIN_SECONDS
            logger.warning("Parts of pages are not shared", extra={"action": "sharing_away"})
            return None


store = Store()
