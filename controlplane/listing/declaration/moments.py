"""Points in time as people type them in a filter: ISO 8601, or relative such as -24h and start_of(week)-1d.

    expression = base offset*                               `-24h` alone means `now-24h`
    base       = now | today | yesterday | start_of(unit)   a unit is hour, day, week, month, quarter or year
    offset     = (+ | -) number (m | h | d | w | mo | q | y)

Minutes and hours are lengths of time; days and longer go by the calendar of the zone, so that `-1d` is the same time of
the day before, also when the clocks were changed. Weeks begin on Monday.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
DAYS_OF = {"d": 1, "w": 7}
MONTHS_OF = {"mo": 1, "q": 3, "y": 12}
EXPRESSION = re.compile(r"(now|today|yesterday|start_of\(([a-z]+)\))?((?:[+-]\d{1,5}(?:mo|[mhdwqy])){0,4})")
OFFSET = re.compile(r"([+-]\d+)([a-z]+)")
# The first day of each period that a day is in.
FIRST_DAYS: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=day.month - (day.month - 1) % 3, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
PERIODS = ("hour", *FIRST_DAYS)
# Outside of these PostgreSQL and Python disagree about what exists, and no run was made then.
YEARS = range(1970, 2200)
HINT = "Write a date (2026-01-31), a time (2026-01-31T14:00) or a relative one (-24h, -7d, start_of(week)-1d, now)."


@dataclass(frozen=True)
class Relative:
    """`base` and what is added to it in turn: (number, unit)."""

    base: str
    offsets: tuple[tuple[int, str], ...]

    @property
    def is_day(self) -> bool:
        """Whether a whole day is meant."""
        return self.base in ("today", "yesterday") and not any(unit in SPANS for _, unit in self.offsets)

    def at(self, zone: tzinfo, now: datetime) -> datetime:
        """The point, or the start of the day, in UTC."""
        point = self.begin(zone, now)
        for number, unit in self.offsets:
            point = point + number * SPANS[unit] if unit in SPANS else shifted(point, number, unit, zone)
        return point

    def begin(self, zone: tzinfo, now: datetime) -> datetime:
        if self.base == "now":
            return now.astimezone(UTC)
        local = now.astimezone(zone)
        if self.base == "hour":  # An hour of the clock can happen twice; this is the one that is running.
            passed = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return (now - passed).astimezone(UTC)
        if self.base in FIRST_DAYS:
            return midnight(FIRST_DAYS[self.base](local.date()), zone)
        return midnight(local.date() - timedelta(days=self.base == "yesterday"), zone)


@dataclass(frozen=True)
class Moment:
    """A point in time, or a whole day, that may depend on the time zone and on now."""

    text: str
    meant: datetime | date | Relative

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Raises ValueError with a sentence for a person."""
        moment = cls(text, parse_relative(text) or parse_absolute(text))
        try:
            known = moment.start(UTC, timezone.now()).year in YEARS
        except (OverflowError, ValueError) as error:
            raise ValueError(f"This is too far away. {HINT}") from error
        if not known:
            raise ValueError(f"This is too far away. {HINT}")
        return moment

    @property
    def is_day(self) -> bool:
        if isinstance(self.meant, Relative):
            return self.meant.is_day
        return not isinstance(self.meant, datetime)

    @property
    def is_relative(self) -> bool:
        return isinstance(self.meant, Relative)

    def start(self, zone: tzinfo, now: datetime) -> datetime:
        """The point itself; of a day its first instant."""
        if isinstance(self.meant, Relative):
            return self.meant.at(zone, now)
        if not isinstance(self.meant, datetime):
            return midnight(self.meant, zone)
        return self.meant.astimezone(UTC) if self.meant.tzinfo else on_the_wall(self.meant, zone)

    def end(self, zone: tzinfo, now: datetime) -> datetime:
        """The point itself; of a day the first instant of the next one, so that the whole day is meant."""
        start = self.start(zone, now)
        return shifted(start, 1, "d", zone) if self.is_day else start


def parse_relative(text: str) -> Relative | None:
    """None for text of another form. Raises ValueError for a period that does not exist."""
    # A plus sign that nobody encoded in a URL arrives as a space.
    found = EXPRESSION.fullmatch(text.replace(" ", "+")) if text else None
    if found is None:
        return None
    word, unit, offsets = found.groups()
    if unit and unit not in PERIODS:
        raise ValueError(f"There is a start_of({', '.join(PERIODS)}), but no start_of({unit}).")
    return Relative(unit or word or "now", tuple((int(number), of) for number, of in OFFSET.findall(offsets)))


def parse_absolute(text: str) -> datetime | date:
    """ISO 8601, a day or a time. Raises ValueError, whose text is for the person who typed it."""
    text = text.replace(" ", "+") if "T" in text else text
    try:
        at = parse_date(text) or parse_datetime(text)
    except ValueError as error:
        raise ValueError(f"There is no such day or time. {HINT}") from error
    if at is None:
        raise ValueError(HINT)
    return at


def shifted(point: datetime, number: int, unit: str, zone: tzinfo) -> datetime:
    """`point` moved along the calendar of `zone`; the 31st becomes the last day of a shorter month."""
    wall = point.astimezone(zone).replace(tzinfo=None)
    if unit in DAYS_OF:
        return on_the_wall(wall + timedelta(days=number * DAYS_OF[unit]), zone)
    year, month = divmod(wall.year * 12 + wall.month - 1 + number * MONTHS_OF[unit], 12)
    if not 1 <= year <= 9999:
        raise OverflowError("There is no such year.")
    day = min(wall.day, calendar.monthrange(year, month + 1)[1])
    return on_the_wall(wall.replace(year=year, month=month + 1, day=day), zone)


def on_the_wall(local: datetime, zone: tzinfo) -> datetime:
    """The UTC time at which clocks in `zone` show `local`; the earlier one where they show it twice."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def midnight(day: date, zone: tzinfo) -> datetime:
    return on_the_wall(datetime.combine(day, time.min), zone)
