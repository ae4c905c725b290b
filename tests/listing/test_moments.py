from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.listing.declaration.moments import Moment

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
        ("now", "2026-07-15T22:30+00:00", "2026-07-15T22:30+00:00"),
        ("now+90m", "2026-07-16T00:00+00:00", "2026-07-16T00:00+00:00"),
        ("today-1w", "2026-07-08T22:00+00:00", "2026-07-09T22:00+00:00"),
        ("today-2h", "2026-07-15T20:00+00:00", "2026-07-15T20:00+00:00"),
        ("start_of(hour)", "2026-07-15T22:00+00:00", "2026-07-15T22:00+00:00"),
        ("start_of(day)", "2026-07-15T22:00+00:00", "2026-07-15T22:00+00:00"),
        ("start_of(week)", "2026-07-12T22:00+00:00", "2026-07-12T22:00+00:00"),
        ("start_of(week)-1d", "2026-07-11T22:00+00:00", "2026-07-11T22:00+00:00"),
        ("start_of(week) 1d", "2026-07-13T22:00+00:00", "2026-07-13T22:00+00:00"),
        ("start_of(month)-1mo", "2026-05-31T22:00+00:00", "2026-05-31T22:00+00:00"),
        ("start_of(quarter)-1q", "2026-03-31T22:00+00:00", "2026-03-31T22:00+00:00"),
        ("start_of(quarter)-2q", "2025-12-31T23:00+00:00", "2025-12-31T23:00+00:00"),
        ("start_of(year)", "2025-12-31T23:00+00:00", "2025-12-31T23:00+00:00"),
        ("start_of(month)-1y+1mo-1d", "2025-07-30T22:00+00:00", "2025-07-30T22:00+00:00"),
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


def test_a_day_goes_by_the_clock_on_the_wall_and_an_hour_by_its_length():
    now = datetime(2026, 3, 29, 16, tzinfo=UTC)  # 18:00 in Berlin; the clocks went forward at 2 in the morning
    assert Moment.parse("-1d").start(BERLIN, now) == datetime(2026, 3, 28, 17, tzinfo=UTC)
    assert Moment.parse("-24h").start(BERLIN, now) == datetime(2026, 3, 28, 16, tzinfo=UTC)


def test_the_31st_becomes_the_last_day_of_a_shorter_month():
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert Moment.parse("-1mo").start(UTC, now) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert Moment.parse("-1y-1mo").start(UTC, now) == datetime(2025, 2, 28, 12, tzinfo=UTC)


def test_the_hour_that_happens_twice_is_the_one_that_is_running():
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 2:30 in Berlin for the second time
    assert Moment.parse("start_of(hour)").start(BERLIN, second) == datetime(2026, 10, 25, 1, tzinfo=UTC)


def test_a_period_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"\(hour, day, week, month, quarter, year\), but no start_of\(decade"):
        Moment.parse("start_of(decade)")


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]).map(ZoneInfo)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
PERIODS = st.sampled_from(["hour", "day", "week", "month", "quarter", "year"])
OFFSETS = st.lists(
    st.tuples(st.sampled_from("+-"), st.integers(0, 9), st.sampled_from(["m", "h", "d", "w", "mo", "q", "y"])),
    max_size=4,
).map(lambda parts: "".join(f"{sign}{number}{unit}" for sign, number, unit in parts))


@given(PERIODS, ZONES, TIMES)
def test_the_start_of_a_period_is_not_later_and_is_its_own_start(period, zone, now):
    moment = Moment.parse(f"start_of({period})")
    start = moment.start(zone, now)
    assert start <= now
    assert moment.start(zone, start) == start


@given(st.sampled_from(["now", "today", "yesterday", "start_of(week)"]), OFFSETS, ZONES, TIMES)
def test_every_expression_is_resolved_and_ends_no_earlier_than_it_starts(base, offsets, zone, now):
    moment = Moment.parse(base + offsets)
    assert moment.start(zone, now) <= moment.end(zone, now)
    assert moment.start(zone, now).utcoffset() == timedelta(0)


@given(st.integers(1, 500), ZONES, TIMES)
def test_whole_days_back_keep_the_date_apart_by_as_many_days(days, zone, now):
    back = Moment.parse(f"today-{days}d").start(zone, now).astimezone(zone).date()
    assert (now.astimezone(zone).date() - back).days in (days, days - 1)  # Apia had no 30 December 2011


@given(st.text(alphabet="now today yesterday start_of()+-0123456789mhdwqyTZ:", max_size=40))
def test_any_other_text_is_refused_with_a_sentence(text):
    try:
        moment = Moment.parse(text)
    except ValueError as refusal:
        said = str(refusal)
    else:
        said = f"{moment.start(BERLIN, NOW)}."
    assert said.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "-24x",
        "24h",
        "-999999h",
        "2026-13-01",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31T00:00",
        "\x00",
        "-h",
        "",
        "start_of()",
        "start_of(decade)x",
        "start_of(week)-1d-1d-1d-1d-1d",
        "now-99999y",
        "now+99999w",
        "-99999mo",
        "-1D",
    ],
)
def test_nonsense_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="-24h"):
        Moment.parse(text)
