from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.domain.errors import InvalidInput
from controlplane.listing.declaration.keyset import Order, find_order, read_page
from runs.models import Run
from tests.world import make_runs, make_workflow

NEWEST = Order("-created", "Newest first", ("-created_at", "-id"))
OLDEST = Order("created", "Oldest first", ("created_at", "id"))
NAMED = Order("workflow", "Workflow", ("workflow__name", "id"))
START = datetime(2026, 1, 1, tzinfo=UTC)
# Few different times, so that equal ones are the rule.
times = st.lists(st.integers(0, 5), max_size=25)


def add_runs(workflow, seconds: list[int]) -> list[int]:
    return [make_runs(workflow, 1, created_at=START + timedelta(seconds=second))[0].pk for second in seconds]


def walk(order: Order, size: int, *, start: str = "", forward: bool = True, between=lambda: None) -> list[list[int]]:
    """The ids of every page from `start` on, until there is no further one."""
    pages, cursor = [], start
    while True:
        page = read_page(Run.objects.all(), order, size=size, cursor=cursor)
        pages.append([row.pk for row in page.rows])
        cursor = page.next if forward else page.previous
        if not cursor:
            return pages
        between()


def flat(pages: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(pages))


def last_cursor(order: Order, size: int) -> str:
    cursor, following = "", read_page(Run.objects.all(), order, size=size).next
    while following:
        cursor, following = following, read_page(Run.objects.all(), order, size=size, cursor=following).next
    return cursor


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=times, late=times, size=st.integers(1, 7), order=st.sampled_from([NEWEST, OLDEST, NAMED]))
def test_each_row_is_seen_once_there_and_back_while_others_arrive(world, seconds, late, size, order):
    with transaction.atomic():
        workflow = make_workflow(world.acme)
        known = add_runs(workflow, seconds)
        arriving = iter(late)

        def one_more():
            add_runs(workflow, [second for second in [next(arriving, None)] if second is not None])

        there = flat(walk(order, size, between=one_more))
        back = flat(walk(order, size, start=last_cursor(order, size), forward=False, between=one_more))
        transaction.set_rollback(True)
    for seen in (there, back):
        assert len(seen) == len(set(seen))
        assert set(known) <= set(seen)


@pytest.mark.django_db
@pytest.mark.parametrize("order", [NEWEST, OLDEST, NAMED])
@pytest.mark.parametrize("count", [0, 1, 5, 6, 10, 11])
def test_pages_say_rightly_what_lies_beside_them(world, order, count):
    add_runs(make_workflow(world.acme), [index % 3 for index in range(count)])
    expected = list(Run.objects.order_by(*order.fields).values_list("pk", flat=True))
    forward = walk(order, 5)
    assert flat(forward) == expected
    backward = walk(order, 5, start=last_cursor(order, 5), forward=False)
    assert flat(reversed(backward)) == expected
    assert all(page for page in forward[1:])


@pytest.mark.django_db
def test_a_page_whose_rows_went_leads_back_to_the_others(world):
    add_runs(make_workflow(world.acme), [1, 2, 3, 4])
    second = read_page(Run.objects.all(), OLDEST, size=2).next
    Run.objects.filter(created_at__gt=START + timedelta(seconds=2)).delete()
    page = read_page(Run.objects.all(), OLDEST, size=2, cursor=second)
    assert (page.rows, page.next) == ([], "")
    assert len(read_page(Run.objects.all(), OLDEST, size=2, cursor=page.previous).rows) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2])
def test_rows_that_leave_while_a_page_is_read_are_left_out_and_the_rest_is_still_reached(world, size):
    pks = add_runs(make_workflow(world.acme), [1, 2, 3, 4])
    left = []

    def leave_after_the_places(execute, *given):
        answer = execute(*given)
        if not left:
            left.append(pks[0])
            Run.objects.filter(pk=pks[0]).delete()
        return answer

    with connection.execute_wrapper(leave_after_the_places):
        page = read_page(Run.objects.all(), OLDEST, size=size)
    assert [row.pk for row in page.rows] == pks[1:size]
    assert flat(walk(OLDEST, size, start=page.next)) == pks[size:]


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["x", "....", "WyI-Il0.abc", "%00", "é" * 300, "WyI-IiwgMV0"])
def test_garbage_is_no_cursor(cursor):
    with pytest.raises(InvalidInput) as refusal:
        read_page(Run.objects.all(), NEWEST, size=5, cursor=cursor)
    assert refusal.value.errors[0].field == "cursor"


@pytest.mark.django_db
def test_a_cursor_belongs_to_its_order(world):
    add_runs(make_workflow(world.acme), [1, 2, 3])
    cursor = read_page(Run.objects.all(), NEWEST, size=2).next
    with pytest.raises(InvalidInput):
        read_page(Run.objects.all(), OLDEST, size=2, cursor=cursor)


@pytest.mark.django_db
def test_postgresql_compares_whole_rows(world):
    add_runs(make_workflow(world.acme), [1, 2, 3])
    cursor = read_page(Run.objects.all(), NEWEST, size=2).next
    with CaptureQueriesContext(connection) as queries:
        read_page(Run.objects.all(), NEWEST, size=2, cursor=cursor)
    assert '("runs_run"."created_at", "runs_run"."id") < (' in queries[0]["sql"]
    assert len(queries) == 3


@pytest.mark.parametrize("fields", [("created_at",), ("-created_at", "id")])
def test_an_order_without_an_end_or_a_direction_is_refused(fields):
    with pytest.raises(ImproperlyConfigured):
        Order("odd", "Odd", fields)


@pytest.mark.django_db
def test_an_order_by_something_that_may_be_null_is_refused():
    with pytest.raises(ImproperlyConfigured, match="NULL"):
        read_page(Run.objects.all(), Order("ended", "Ended", ("ended_at", "id")), size=5)


def test_an_unknown_order_names_the_known_ones():
    with pytest.raises(InvalidInput, match="-created, created"):
        find_order([NEWEST, OLDEST], "nonsense")
