"""A period by the project's clock, cut into buckets of its calendar: minutes, hours, days, weeks, months.

Buckets are points in time, not times of a clock: they follow each other without gap or overlap, whatever the clock does
meanwhile. A day has 23 or 25 hours where the clock is changed, a week begins on Monday, and where midnight is skipped
the day begins when the clock jumps over it. PostgreSQL gets the points, so that it needs to know no zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from controlplane.domain.errors import InvalidInput
from controlplane.listing.declaration.moments import Moment

DEFAULT_SINCE = "-7d"
LONGEST = timedelta(days=732)
MOST_BUCKETS = 62
TESTS = "include"
INSTANT = timedelta(microseconds=1)
# No clock was set back by more since 1970, the first year of which figures can be asked.
SET_BACK = timedelta(hours=8)


@dataclass(frozen=True)
class Unit:
    """A length of the calendar: `seconds` is what it usually has, `begin` and `following` go by a clock on the wall.

    `again`: it begins a second time when the clock is set back and shows the same once more, as an hour does.
    """

    number: int
    word: str
    seconds: int
    begin: Callable[[datetime], datetime]
    following: Callable[[datetime], datetime]
    again: bool = False

    @property
    def every(self) -> str:
        """`each day`, `every 6 hours`."""
        return f"each {self.word}" if self.number == 1 else f"every {self.number} {self.word}s"

    @property
    def is_day(self) -> bool:
        """Whether it is a day or longer."""
        return self.seconds >= DAY.seconds


def part_of_day(number: int, word: str, seconds: int, *, again: bool = True) -> Unit:
    size = timedelta(seconds=seconds)
    return Unit(number, word, seconds, lambda wall: wall - (wall - midnight(wall)) % size, lambda w: w + size, again)


def midnight(wall: datetime) -> datetime:
    return wall.replace(hour=0, minute=0, second=0, microsecond=0)


def monday(wall: datetime) -> datetime:
    return midnight(wall) - timedelta(days=wall.weekday())


def first_of_month(wall: datetime) -> datetime:
    return midnight(wall).replace(day=1)


def days_on(number: int) -> Callable[[datetime], datetime]:
    return lambda wall: wall + timedelta(days=number)


FIVE_MINUTES = part_of_day(5, "minute", 300)
QUARTER_HOUR = part_of_day(15, "minute", 900)
HOUR = part_of_day(1, "hour", 3_600)
QUARTER_DAY = part_of_day(6, "hour", 21_600, again=False)
DAY = Unit(1, "day", 86_400, midnight, days_on(1))
WEEK = Unit(1, "week", 7 * 86_400, monday, days_on(7))
MONTH = Unit(1, "month", 30 * 86_400, first_of_month, lambda wall: first_of_month(wall + timedelta(days=31)))
UNITS = (FIVE_MINUTES, QUARTER_HOUR, HOUR, QUARTER_DAY, DAY, WEEK, MONTH)


@dataclass(frozen=True)
class Window:
    """The last `count` units, the current one among them, in buckets of `every`."""

    label: str
    count: int
    unit: Unit
    every: Unit


WINDOWS = {
    "6h": Window("6 hours", 6, HOUR, HOUR),
    "24h": Window("24 hours", 24, HOUR, HOUR),
    "7d": Window("7 days", 28, QUARTER_DAY, QUARTER_DAY),
    "30d": Window("30 days", 30, DAY, DAY),
    "90d": Window("90 days", 90, DAY, WEEK),
}


def window_name(given: str, names: tuple[str, ...], default: str) -> str:
    """One of `names`. Raises InvalidInput for another one."""
    if given and given not in names:
        raise InvalidInput.field("window", f"Choose one of {', '.join(names)}.", "choice")
    return given or default


def with_tests(params: Mapping[str, str]) -> bool:
    """Whether `tests=include` asks for test runs as well. Raises InvalidInput for anything else but nothing."""
    given = params.get("tests", "")
    if given not in ("", TESTS):
        raise InvalidInput.field("tests", f"Write {TESTS}, or leave it out.", "choice")
    return given == TESTS


@dataclass(frozen=True)
class Bucket:
    """From `start` up to, not including, `end`, by the clock of the project."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Range:
    """From `since` up to, not including, `until`; `asked` is what the address says, for forms and links."""

    since: datetime
    until: datetime
    zone: ZoneInfo
    every: Unit
    asked: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, params: Mapping[str, str], zone: ZoneInfo) -> Range:
        """`since` and `until` as in every list; the last seven days without them. Raises InvalidInput naming one."""
        now = timezone.now()
        asked = params.get("since") or DEFAULT_SINCE, params.get("until") or ""
        since = moment("since", asked[0]).start(zone, now)
        until = moment("until", asked[1]).end(zone, now) if asked[1] else now
        if since >= until:
            raise InvalidInput.field("since", "This must be before the end.")
        if until - since > LONGEST:
            raise InvalidInput.field("since", "Figures cover two years at most.")
        return cls(since, until, zone, unit_for(until - since), asked)

    @classmethod
    def lately(cls, window: Window, zone: ZoneInfo) -> Range:
        """The window that ends with the unit that has begun and not ended."""
        now = timezone.now()
        back = timedelta(seconds=window.unit.seconds) * (window.count + 1)
        edges = edges_of(now - back, now + INSTANT, zone, window.unit)
        return cls(edges[-1 - window.count], edges[-1], zone, window.every)

    @cached_property
    def buckets(self) -> list[Bucket]:
        """Oldest first. The first may begin before the range and the last end after it; only the range is counted."""
        edges = [edge.astimezone(self.zone) for edge in edges_of(self.since, self.until, self.zone, self.every)]
        return [Bucket(start, end) for start, end in pairwise(edges)]

    @property
    def latest(self) -> datetime:
        return self.until - INSTANT

    @cached_property
    def labels(self) -> list[str]:
        """One a bucket; an hour that comes twice says which it is."""
        texts = [f"{bucket.start:{self.form}}" for bucket in self.buckets]
        counts = Counter(texts)
        return [
            f"{text} {bucket.start:%Z}" if counts[text] > 1 else text
            for text, bucket in zip(texts, self.buckets, strict=True)
        ]

    @property
    def form(self) -> str:
        if self.every is MONTH:
            return "%b %Y"
        if self.every.is_day:
            return "%d %b"
        return "%H:%M" if self.until - self.since <= timedelta(hours=25) else "%d %b %H:%M"

    def parameters(self) -> dict[str, Any]:
        """For a statement: the range, and its buckets within it as `starts` and `ends`, numbered from 1."""
        starts = [self.since, *(bucket.start for bucket in self.buckets[1:])]
        return {"since": self.since, "until": self.until, "starts": starts, "ends": [*starts[1:], self.until]}


def unit_for(length: timedelta) -> Unit:
    """The shortest with which there are not too many buckets."""
    return next((unit for unit in UNITS if length.total_seconds() / unit.seconds <= MOST_BUCKETS), MONTH)


def edges_of(since: datetime, until: datetime, zone: ZoneInfo, unit: Unit) -> list[datetime]:
    """Where buckets begin, in UTC: from the last one not after `since` to the first one not before `until`."""
    shown = [at.astimezone(zone).replace(tzinfo=None) for at in (since, until)]
    walls = walls_of(min(shown) - SET_BACK, max(shown) + SET_BACK, unit)
    edges = sorted({at for wall in walls for at in instants(wall, zone, again=unit.again)})
    return edges[bisect_right(edges, since) - 1 : bisect_left(edges, until) + 1]


def walls_of(first: datetime, last: datetime, unit: Unit) -> Iterator[datetime]:
    """What a clock on the wall shows when a unit begins, from that of `first` to the first one after `last`."""
    wall = unit.begin(first)
    while wall <= last:
        yield wall
        wall = unit.following(wall)
    yield wall


def instants(wall: datetime, zone: ZoneInfo, *, again: bool) -> list[datetime]:
    """When the clock shows `wall`, in UTC: once, twice with `again`, or when it jumps over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != wall:
        return [jump_over(wall, zone, second, first)]
    return [first, second] if again else [first]


def jump_over(wall: datetime, zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second in which the clock that skips `wall` jumps, between two points in time."""

    def has_jumped(seconds: int) -> bool:
        return (before + timedelta(seconds=seconds)).astimezone(zone).replace(tzinfo=None) > wall

    seconds = range(int((after - before).total_seconds()) + 1)
    return before + timedelta(seconds=bisect_left(seconds, True, key=has_jumped))


def moment(field: str, text: str) -> Moment:
    try:
        return Moment.parse(text)
    except ValueError as error:
        raise InvalidInput.field(field, str(error), "moment") from error
