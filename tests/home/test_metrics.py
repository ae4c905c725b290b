"""What a collector reads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from runs.models import StepRun, Worker
from tests.world import make_run, make_workflow

pytestmark = pytest.mark.django_db


def measured(world) -> dict[str, float]:
    """Name, with the state where there is one -> value."""
    text = world.client().get("/metrics").content.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}


def test_it_says_what_waits_and_for_how_long(world):
    run = make_run(make_workflow(world.acme), "running")
    since = timezone.now() - timedelta(seconds=90)
    StepRun.objects.create(run=run, key="a", position=0, uses="noop", state="queued", queued_at=since, due_at=since)
    StepRun.objects.create(run=run, key="b", position=1, uses="noop", state="queued", queued_at=since, held=True)
    found = measured(world)
    assert (found["sparkops_live_runs running"], found["sparkops_live_runs paused"]) == (1, 0)
    assert found["sparkops_queued_steps"] == 1
    assert 60 < found["sparkops_oldest_queued_step_seconds"] < 600


def test_it_counts_the_workers_that_are_there(world):
    Worker.objects.create(name="one", boot="1", queue="default", slots=50, busy=3)
    Worker.objects.create(name="gone", boot="1", queue="default", slots=50, seen_at=timezone.now() - timedelta(hours=2))
    found = measured(world)
    assert (found["sparkops_workers"], found["sparkops_busy_worker_slots"]) == (1, 3)
    assert found["sparkops_worker_slots"] == 50


def test_it_answers_without_any_data(world):
    found = measured(world)
    assert (found["sparkops_database_up"], found["sparkops_queued_steps"], found["sparkops_events_total"]) == (1, 0, 0)
