from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from controlplane.listing.moments import Moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 7, 15, 22, 30, tzinfo=UTC)  # 00:30 on the 16th in Berlin


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-07-15", "2026-07-14T22:00+00:00", "2026-07-15T22:00+00:00"),
        ("2026-07-15T10:00", "2026-07-15T08:00+00:00", "2026-07-15T08:00+00:00"),
        ("2026-07-15T10:00Z", "2026-07-15T10:00+00:00", "2026-07-15T10:00+00:00"),
        ("2026-07-15T10:00 02:00", "2026-07-15T08:00+00:00", "2026-07-15T08:00+00:00"),
        ("-24h", "2026-07-14T22:30+00:00", "2026-07-14T22:30+00:00"),
        ("-30m", "2026-07-15T22:00+00:00", "2026-07-15T22:00+00:00"),
        ("-2w", "2026-07-01T22:30+00:00", "2026-07-01T22:30+00:00"),
        ("today", "2026-07-15T22:00+00:00", "2026-07-16T22:00+00:00"),
        ("yesterday", "2026-07-14T22:00+00:00", "2026-07-15T22:00+00:00"),
    ],
)
def test_a_moment_is_resolved_in_the_projects_zone(text, start, end):
    moment = Moment.parse(text)
    assert moment.start(BERLIN, NOW) == datetime.fromisoformat(start)
    assert moment.end(BERLIN, NOW) == datetime.fromisoformat(end)


def test_a_day_of_23_hours_ends_where_the_next_begins():
    moment = Moment.parse("2026-03-29")
    assert moment.end(BERLIN, NOW) - moment.start(BERLIN, NOW) == (
        Moment.parse("2026-03-30").start(BERLIN, NOW) - moment.start(BERLIN, NOW)
    )
    assert moment.end(BERLIN, NOW) == datetime(2026, 3, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["soon", "-24x", "24h", "-999999h", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31T00:00", "\x00", "-h"],
)
def test_nonsense_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="-24h"):
        Moment.parse(text)
