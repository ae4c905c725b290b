"""A range in any zone is cut into buckets of the calendar that neither overlap nor leave anything out."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.domain.errors import InvalidInput
from runs.figures.range import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    MONTH,
    QUARTER_DAY,
    SET_BACK,
    UNITS,
    WEEK,
    WINDOWS,
    Range,
    unit_for,
    window_name,
    with_tests,
)

NAMES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana", "America/Santiago"),
    *("America/Nuuk", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Kathmandu", "Asia/Tehran"),
    *("Antarctica/Troll", "Antarctica/Casey", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham"),
)
ZONES = st.sampled_from(NAMES).map(ZoneInfo)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2038, 1, 1), timezones=st.just(UTC))
BERLIN = ZoneInfo("Europe/Berlin")


@st.composite
def ranges(draw, units=UNITS, most=70):
    unit, since = draw(st.sampled_from(units)), draw(TIMES)
    length = draw(st.floats(0.001, most)) * unit.seconds
    return Range(since, since + timedelta(seconds=length), draw(ZONES), unit)


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def range_of(since: str, until: str, zone: str, unit=DAY) -> Range:
    return Range(at(since, zone).astimezone(UTC), at(until, zone).astimezone(UTC), ZoneInfo(zone), unit)


def hours(range: Range) -> list[float]:
    """How long each bucket really is."""
    return [
        (bucket.end.astimezone(UTC) - bucket.start.astimezone(UTC)) / timedelta(hours=1) for bucket in range.buckets
    ]


@given(ranges())
def test_buckets_tile_the_range(range):
    buckets = range.buckets
    assert all(bucket.start.astimezone(UTC) < bucket.end.astimezone(UTC) for bucket in buckets)
    assert all(one.end == other.start for one, other in pairwise(buckets))
    assert buckets[0].start <= range.since < buckets[0].end
    assert buckets[-1].start < range.until <= buckets[-1].end


@given(ranges(), st.floats(0, 1, exclude_max=True))
def test_every_instant_is_in_exactly_one_bucket(range, share):
    instant = range.since + (range.until - range.since) * share
    assert sum(bucket.start <= instant < bucket.end for bucket in range.buckets) == 1


@given(ranges((DAY,)))
def test_a_day_begins_when_the_date_changes(range):
    """At midnight, or later where midnight is skipped."""
    for bucket in range.buckets[1:]:
        before = (bucket.start.astimezone(UTC) - timedelta(seconds=1)).astimezone(range.zone)
        assert before.date() < bucket.start.date()


@given(ranges((WEEK,)))
def test_weeks_begin_on_monday_in_the_zone(range):
    assert {bucket.start.weekday() for bucket in range.buckets} == {0}
    assert all((later.start.date() - one.start.date()).days == 7 for one, later in pairwise(range.buckets))


@given(ranges((MONTH,)))
def test_months_begin_on_their_first(range):
    assert {bucket.start.day for bucket in range.buckets} == {1}
    assert len({(bucket.start.year, bucket.start.month) for bucket in range.buckets}) == len(range.buckets)


@given(ranges((HOUR,)))
def test_an_hour_has_no_more_than_what_a_changed_clock_adds(range):
    assert all(0 < hour <= 1.5 for hour in hours(range))


@given(ranges((HOUR, QUARTER_DAY, DAY)))
def test_labels_tell_buckets_apart(range):
    assert len(range.labels) == len(range.buckets)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=732)))
def test_there_are_never_too_many_buckets(length):
    assert length.total_seconds() / unit_for(length).seconds <= 62


@given(ranges())
def test_what_statements_get_is_the_range_and_no_more(range):
    asked = range.parameters()
    parts = list(zip(asked["starts"], asked["ends"], strict=True))
    assert len(parts) == len(range.buckets)
    assert all(start < end for start, end in parts)
    assert (parts[0][0], parts[-1][1]) == (range.since, range.until)
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(ranges(), st.lists(st.floats(0, 1, exclude_max=True), max_size=40))
def test_postgresql_puts_each_instant_where_we_do(range, shares):
    instants = [range.since + (range.until - range.since) * share for share in shares]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT width_bucket(at, %s::timestamptz[]) FROM unnest(%s::timestamptz[]) AS given (at)",
            [range.parameters()["starts"], instants],
        )
        numbers = [number for (number,) in cursor.fetchall()]
    assert numbers == [bisect_right([bucket.start for bucket in range.buckets], instant) for instant in instants]


@pytest.mark.parametrize(("day", "long"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_days_of_changed_clocks_are_as_long_as_they_are(day, long):
    after = date.fromisoformat(day) + timedelta(days=1)
    assert hours(range_of(day, f"{after}", "Europe/Berlin")) == [long]
    assert len(range_of(day, f"{after}", "Europe/Berlin", HOUR).buckets) == long


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00Z"),
        ("2026-09-06", "America/Santiago", "2026-09-06T04:00Z"),
        ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00Z"),
        ("2026-03-08", "America/Havana", "2026-03-08T05:00Z"),
    ],
)
def test_where_midnight_is_skipped_the_day_begins_with_the_jump(day, zone, begins):
    before, after = (date.fromisoformat(day) + timedelta(days=days) for days in (-1, 2))
    found = range_of(f"{before}", f"{after}", zone)
    assert [bucket.start.date().isoformat() for bucket in found.buckets][1] == day
    assert found.buckets[1].start == datetime.fromisoformat(begins)
    assert (found.buckets[1].start.hour, hours(found)) == (1, [24, 23, 24])


def test_a_day_that_never_was_has_no_bucket():
    found = range_of("2011-12-28", "2012-01-02", "Pacific/Apia")
    assert [bucket.start.day for bucket in found.buckets] == [28, 29, 31, 1]


def test_a_midnight_that_comes_twice_begins_one_day():
    """In Havana the clock goes from one back to midnight."""
    assert hours(range_of("2026-10-31", "2026-11-03", "America/Havana")) == [24, 25, 24]


def test_the_hour_that_comes_twice_is_two_buckets_that_say_which():
    labels = range_of("2026-10-25T01:00", "2026-10-25T04:00", "Europe/Berlin", HOUR).labels
    assert labels == ["01:00", "02:00 CEST", "02:00 CET", "03:00"]


def test_half_an_hour_more_makes_an_hour_longer_and_not_two():
    """On Lord Howe the clock goes back by half an hour, and forward by it."""
    assert hours(range_of("2026-04-05T00:00", "2026-04-05T04:00", "Australia/Lord_Howe", HOUR)) == [1, 1.5, 1, 1]
    assert hours(range_of("2026-10-04T01:00", "2026-10-04T04:00", "Australia/Lord_Howe", HOUR)) == [1, 0.5, 1]


def test_minutes_in_the_hour_that_comes_twice_are_all_there():
    since = datetime(2026, 10, 25, 0, 55, tzinfo=UTC)
    found = Range(since, since + timedelta(minutes=15), BERLIN, FIVE_MINUTES)
    assert found.labels == ["02:55", "02:00", "02:05"]


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
def test_a_window_ends_with_the_unit_that_has_begun(name, zone):
    window, found = WINDOWS[name], Range.lately(WINDOWS[name], ZoneInfo(zone))
    now = datetime.now(UTC)
    assert found.since < now < found.until
    usual = timedelta(seconds=window.unit.seconds) * window.count
    assert abs((found.until - found.since) - usual) <= timedelta(hours=1)
    assert {bucket.start.minute for bucket in found.buckets} == {0}


def test_no_clock_was_set_back_by_more_than_we_reckon_with():
    """Whoever updates the zones hears of it here."""
    points = [datetime(year, month, 1, tzinfo=UTC) for year in range(1970, 2038) for month in range(1, 13)]
    for name in available_timezones():
        offsets = [point.astimezone(ZoneInfo(name)).utcoffset() for point in points]
        most = max((earlier - later for earlier, later in pairwise(offsets)), default=timedelta(0))
        assert most <= SET_BACK, (name, most)


def test_words_that_mean_nothing_are_refused_by_name():
    for asked in (lambda: window_name("2y", ("24h",), "24h"), lambda: with_tests({"tests": "yes"})):
        with pytest.raises(InvalidInput):
            asked()
