"""After commit somebody is told that there is something for reactions, and acts on it."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from controlplane.domain.recording import record
from controlplane.domain.valkey import key
from controlplane.events.reactions import bell
from controlplane.events.reactions.declared import reacts_to
from controlplane.events.reactions.reacting import react
from controlplane.projects.tenants.actors import SYSTEM
from runs.models import Run, Worker
from tests.events.reactions import REACTIONS, on_failed, seen, with_reactions
from tests.runs.driving import drain, start, step, wait_until
from tests.runs.test_worker_processes import SECONDS, process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("counted")]


def rung() -> list[str]:
    """Names of the tasks whose messages wait in the broker."""
    waiting = Redis.from_url(settings.REDIS_URL).lrange(f"{settings.REDIS_PREFIX}default", 0, -1)
    return [json.loads(message)["headers"]["task"] for message in waiting]


@pytest.fixture
def quiet():
    """No message waits, and none was sent a moment ago, nor is a call for the queue unanswered."""
    Redis.from_url(settings.REDIS_URL).delete(key("default"), key("called", "default"))
    bell._quiet_until = 0.0


def test_whoever_records_what_is_wanted_rings_once_and_after_commit(world, quiet):
    with with_reactions(on_failed):
        with transaction.atomic():
            for _ in range(50):
                record("run.failed", world.acme, by=SYSTEM)
            assert rung() == []
        assert rung() == [bell.TASK]


def test_what_is_rolled_back_or_not_wanted_rings_nothing(world, quiet):
    with with_reactions(on_failed):
        record("run.succeeded", world.acme, by=SYSTEM)
        with transaction.atomic():
            record("run.failed", world.acme, by=SYSTEM)
            transaction.set_rollback(True)
        assert rung() == []


@pytest.mark.parametrize("type", ["run.created", "run.started", "step.started", "step.succeeded", "run.succeeded"])
def test_the_engine_rings_for_what_it_wrote(world, quiet, type):
    with with_reactions(reacts_to(type, name="any")(lambda event: None)):
        drain(start(world, step("a")))
    assert bell.TASK in rung()


def test_the_engine_does_not_ring_when_nobody_wants_it(world, quiet):
    with with_reactions(on_failed):
        drain(start(world, step("a")))
    assert bell.TASK not in rung()
    assert "runs.tasks.take_due" in rung()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_real_worker_answers_without_any_sweep(world):
    """What an action recorded, and what the worker itself wrote as it executed a step."""
    earlier = set(Worker.objects.values_list("boot", flat=True))
    reacting = {"DJANGO_SETTINGS_MODULE": "tests.events.settings_with_reactions"}
    with with_reactions(*REACTIONS), process("worker", SPARKOPS_WORKER_NAME="w1", **reacting):
        wait_until(Worker.objects.exclude(boot__in=earlier).exists, SECONDS)
        react()
        record("run.failed", world.acme, by=SYSTEM)
        wait_until(lambda: seen("on_failed"), SECONDS)
        run = start(world, step("a"), step("b", needs="a"))
        wait_until(lambda: len(seen("on_succeeded")) == 2, SECONDS)
        wait_until(lambda: Run.objects.filter(pk=run.pk, state="succeeded").exists(), SECONDS)
    assert len(seen("on_failed")) == 1
    assert len(seen("on_succeeded")) == 2
