"""Points in time as people type them in a filter: ISO 8601, or relative such as -24h."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.dateparse import parse_date, parse_datetime

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
RELATIVE = re.compile(r"-(\d{1,5})([mhdw])")
DAYS = {"today": 0, "yesterday": -1}
# Outside of these PostgreSQL and Python disagree about what exists, and no run was made then.
YEARS = range(1970, 2200)
PRESETS = [("-1h", "Last hour"), ("-24h", "Last 24 hours"), ("-7d", "Last 7 days"), ("-30d", "Last 30 days")]


@dataclass(frozen=True)
class Moment:
    """A point in time, or a whole day, that may depend on the time zone and on now."""

    text: str
    at: datetime | date | timedelta

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Raises ValueError with a sentence for a person."""
        relative = RELATIVE.fullmatch(text)
        if relative:
            return cls(text, timedelta(**{UNITS[relative[2]]: -int(relative[1])}))
        if text in DAYS:
            return cls(text, timedelta(days=DAYS[text]))
        at = parse_absolute(text)
        if at is None or at.year not in YEARS:
            raise ValueError("Write a date (2026-01-31), a time (2026-01-31T14:00) or a time ago (-24h, -7d).")
        return cls(text, at)

    def day(self, zone: tzinfo, now: datetime) -> date | None:
        """The day in `zone` when a whole one is meant."""
        if self.text in DAYS:
            return (now.astimezone(zone) + timedelta(days=DAYS[self.text])).date()
        return self.at if isinstance(self.at, date) and not isinstance(self.at, datetime) else None

    def start(self, zone: tzinfo, now: datetime) -> datetime:
        """The point itself; of a day its first instant."""
        day = self.day(zone, now)
        return self.point(zone, now) if day is None else midnight(day, zone)

    def end(self, zone: tzinfo, now: datetime) -> datetime:
        """The point itself; of a day the first instant of the next one, so that the whole day is meant."""
        day = self.day(zone, now)
        return self.point(zone, now) if day is None else midnight(day + timedelta(days=1), zone)

    def point(self, zone: tzinfo, now: datetime) -> datetime:
        if isinstance(self.at, timedelta):
            return now + self.at
        return self.at if self.at.tzinfo else self.at.replace(tzinfo=zone)


def parse_absolute(text: str) -> datetime | date | None:
    # A plus sign that nobody encoded in a URL arrives as a space.
    text = text.replace(" ", "+") if "T" in text else text
    try:
        return parse_date(text) or parse_datetime(text)
    except ValueError:
        return None


def midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
