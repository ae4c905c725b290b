from __future__ import annotations

import pytest

from controlplane.listing.reading.counting import Count, count_matching
from runs.models import Run
from tests.world import make_runs, make_workflow

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("rows", "text"), [(0, "0"), (4, "4"), (5, "5"), (6, "5+"), (9, "5+")])
def test_it_counts_exactly_up_to_the_limit(world, rows, text):
    make_runs(make_workflow(world.acme), rows)
    assert str(count_matching(Run.objects.all(), limit=5)) == text


def test_thousands_are_readable():
    assert str(Count(10_000, is_capped=True)) == "10,000+"


def test_postgresql_stops_counting_at_the_row_after_the_limit(world, django_assert_num_queries):
    make_runs(make_workflow(world.acme), 2)
    with django_assert_num_queries(1) as queries:
        count_matching(Run.objects.for_list().order_by("-created_at"))
    sql = queries[0]["sql"]
    assert "LIMIT 10001" in sql
    assert "ORDER BY" not in sql
    assert "JOIN" not in sql
