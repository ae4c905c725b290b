"""The kinds of filters, through the runs' filter set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from controlplane.domain.errors import InvalidInput
from runs.list.filters import RunFilters
from runs.models import Run
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs(world):
    nightly, weekly = make_workflow(world.acme, "nightly"), make_workflow(world.acme, "weekly")
    return {
        "good": make_run(nightly, "succeeded", tags=["a", "b"]),
        "bad": make_run(nightly, "failed", tags=["a"], environment="production"),
        "waiting": make_run(weekly, "waiting_approval", created_at=timezone.now() - timedelta(days=3)),
    }


def filters(world, query: str) -> RunFilters:
    who = world.actor("bob")
    return RunFilters(QueryDict(query), Run.objects.visible_to(who), who=who, project=world.acme)


def matching(world, runs, query: str) -> set[str]:
    found = set(filters(world, query).matching().values_list("pk", flat=True))
    return {name for name, run in runs.items() if run.pk in found}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"good", "bad", "waiting"}),
        ("status=failed", {"bad"}),
        ("status=failed,succeeded", {"good", "bad"}),
        ("status=failed&status=succeeded", {"good", "bad"}),
        ("status=awaiting_approval", {"waiting"}),
        ("status=", {"good", "bad", "waiting"}),
        ("workflow=weekly", {"waiting"}),
        ("workflow=weekly,nightly", {"good", "bad", "waiting"}),
        ("tag=a", {"good", "bad"}),
        ("tag=a,b", {"good"}),
        ("environment=production&status=failed", {"bad"}),
        ("since=-24h", {"good", "bad"}),
        ("until=-24h", {"waiting"}),
        ("since=-7d&until=-1d", {"waiting"}),
        ("q=week", {"waiting"}),
        ("q=b", {"good"}),
    ],
)
def test_it_narrows(world, runs, query, expected):
    assert matching(world, runs, query) == expected


def test_a_number_finds_the_run(world, runs):
    assert matching(world, runs, f"q={runs['bad'].pk}") == {"bad"}
    assert matching(world, runs, f"q=%23{runs['bad'].pk}") == {"bad"}


def test_a_workflow_is_found_by_id(world, runs):
    assert matching(world, runs, f"workflow={runs['waiting'].workflow_id}") == {"waiting"}


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("status=nope", "status", "“nope” is not one of queued"),
        ("workflow=nope", "workflow", "There is no workflow “nope”."),
        ("workflow=99999999999999999999999", "workflow", "There is no workflow"),
        ("since=soon", "since", "-24h"),
        ("until=2026-02-31", "until", "Write a date"),
        ("until=start_of(decade)", "until", "no start_of(decade)"),
        ("q=%00", "q", "Null"),
        ("tag=%00", "tag", "NUL"),
        ("workflow=%00", "workflow", "NUL"),
        ("tag=" + ",".join(map(str, range(101))), "tag", "At most 100"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(world, query, field, message):
    with pytest.raises(InvalidInput) as refusal:
        filters(world, query).matching()
    assert refusal.value.errors[0].field == field
    assert message in refusal.value.errors[0].message


def test_another_projects_workflow_is_unknown(world):
    foreign = make_workflow(world.globex, "theirs")
    with pytest.raises(InvalidInput):
        filters(world, f"workflow={foreign.pk}").matching()


def test_chips_tell_what_is_active(world, runs):
    chips = filters(world, "status=failed,running&workflow=weekly").chips()
    assert [(chip.label, chip.shown) for chip in chips] == [
        ("Status", "Failed"),
        ("Status", "Running"),
        ("Workflow", "weekly"),
    ]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("since=start_of(month)-1mo&until=start_of(month)", "Last month · 2026-02-01 00:00 CET – 2026-03-01 00:00 CET"),
        ("since=-7d", "Last 7 days · from 2026-03-23 14:00 CET"),
        ("since=start_of(week)-1d", "start_of(week)-1d · from 2026-03-29 00:00 CET"),
        ("until=-24h", "until -24h · before 2026-03-29 14:00 CEST"),
        ("since=2026-03-01&until=2026-03-29", "2026-03-01 00:00 CET – 2026-03-30 00:00 CEST"),
    ],
)
def test_a_period_is_one_chip_with_its_dates_in_the_projects_zone(world, query, shown):
    world.acme.time_zone = "Europe/Berlin"
    narrowed = filters(world, query)
    narrowed.now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    (chip,) = narrowed.chips()
    assert (chip.label, chip.shown) == ("Created", shown)
    assert chip.left == {"since": [], "until": []}
