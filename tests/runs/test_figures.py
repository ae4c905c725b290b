"""Figures of a workflow that ran more often than is read say so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.figures import series
from runs.figures.workflow_page import FiguresPage
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow(world):
    made = make_workflow(world.acme)
    for days in (0, 1, 9):
        at = timezone.now() - timedelta(days=days)
        make_run(made, created_at=at, started_at=at, ended_at=at + timedelta(seconds=1))
    return made


def test_what_was_not_read_is_not_drawn_as_nothing(world, workflow, monkeypatch):
    monkeypatch.setattr(series, "MOST_READ", 2)
    page = FiguresPage(workflow, "30d")
    assert page.outcomes["series"][0]["values"] == [1, 1]
    assert page.outcomes["labels"] == [f"{bucket.start:%d %b}" for bucket, _ in page.by_bucket[-2:]]
    shown = world.client("vera").get(f"/p/acme/workflows/{workflow.pk}/figures?window=30d").content.decode()
    assert "Only the latest 2 runs are counted here." in shown


def test_all_that_was_read_is_drawn_over_the_whole_time(world, workflow):
    page = FiguresPage(workflow, "30d")
    assert len(page.outcomes["labels"]) == len(page.range.buckets) == 30
    assert sum(page.outcomes["series"][0]["values"]) == 3
    shown = world.client("vera").get(f"/p/acme/workflows/{workflow.pk}/figures?window=30d").content.decode()
    assert "are counted here" not in shown
