"""A span of time in a list: what was asked for, how people call it, and what it comes to in the project's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from controlplane.listing.declaration.moments import Moment

# (since, until) -> its name; an empty end is open.
PRESETS = {
    ("today", ""): "Today",
    ("-1h", ""): "Last hour",
    ("-24h", ""): "Last 24 hours",
    **{(f"-{days}d", ""): f"Last {days} days" for days in (7, 14, 30, 60, 90, 180)},
    ("start_of(month)", ""): "Month to date",
    ("start_of(year)", ""): "Year to date",
    ("start_of(month)-1mo", "start_of(month)"): "Last month",
    ("start_of(quarter)-1q", "start_of(quarter)"): "Last quarter",
}


@dataclass(frozen=True)
class Period:
    """From `since` to `until`, either of which may be missing; the parameters are called `since_name`, `until_name`."""

    label: str
    since_name: str
    until_name: str
    since: Moment | None
    until: Moment | None
    zone: tzinfo
    now: datetime

    @property
    def names(self) -> tuple[str, str]:
        return self.since_name, self.until_name

    @property
    def texts(self) -> tuple[str, str]:
        return (self.since.text if self.since else "", self.until.text if self.until else "")

    @property
    def is_given(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def in_short(self) -> str:
        """In a word or two; empty when nothing was asked for."""
        since, until = self.texts
        if not self.is_given:
            return ""
        return PRESETS.get(self.texts) or (f"{since} – {until}" if since and until else since or f"until {until}")

    @property
    def in_full(self) -> str:
        """`Last 7 days · from 2026-11-15 10:41 CET`; dates that were given as such are not said twice."""
        relative = [moment for moment in (self.since, self.until) if moment is not None and moment.is_relative]
        return f"{self.in_short} · {self.resolved}" if relative else self.resolved

    @property
    def resolved(self) -> str:
        start = local(self.since.start(self.zone, self.now), self.zone) if self.since else ""
        end = local(self.until.end(self.zone, self.now), self.zone) if self.until else ""
        return f"{start} – {end}" if start and end else f"from {start}" if start else f"before {end}"


def local(at: datetime, zone: tzinfo) -> str:
    """`2026-11-15 10:41 CET`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
