"""The promise of reactions, with real processes: writers that commit late, readers that are killed, two sweepers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection, transaction

from controlplane.events.models import Event, ReactionCursor
from tests.events.conftest import test_database_url as database_url
from tests.events.reactions import REACTIONS, effect_makers, effects, happen
from tests.runs.driving import wait_until
from tests.runs.test_worker_processes import process

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("counted"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
SECONDS = 200
WRITERS, EVENTS, KILLS = 8, 2_000, 20
# Of each type in one transaction; every fourth transaction is rolled back.
AT_ONCE = 5
LONGEST_OPEN_SECONDS = 0.2
REACTING = {"DJANGO_SETTINGS_MODULE": "tests.events.settings_with_reactions"}


class Readers:
    """Processes that react without a pause, one after the other: each lives until it is killed."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.pids: list[int] = []
        threading.Thread(target=self.listen, args=[process], daemon=True).start()

    def listen(self, process: subprocess.Popen) -> None:
        for line in process.stdout:  # type: ignore[union-attr]
            self.pids.append(int(line))

    def kill(self, number: int) -> None:
        wait_until(lambda: len(self.pids) > number, SECONDS)
        os.kill(self.pids[number], signal.SIGKILL)


@contextmanager
def readers() -> Iterator[Readers]:
    own = {"DATABASE_URL": database_url(), **REACTING}
    command = [sys.executable, "-m", "tests.events.reactor"]
    running = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Readers(running)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(timeout=20)


def write(project, seed: int) -> None:
    """A writer's share, in transactions that stay open for a while after their events were written."""
    chance, written = random.Random(seed), 0
    try:
        while written < EVENTS // WRITERS:
            with transaction.atomic():
                happen(project, *["run.failed", "step.started", "step.succeeded"] * AT_ONCE)
                time.sleep(chance.uniform(0, LONGEST_OPEN_SECONDS))
                is_lost = chance.random() < 0.25
                transaction.set_rollback(is_lost)
            written += 0 if is_lost else AT_ONCE
    finally:
        connection.close()


def committed(type: str) -> Counter[int]:
    """Each event once."""
    return Counter(Event.objects.filter(type=type).values_list("pk", flat=True))


def made() -> int:
    return (effects("on_failed") + effects("on_succeeded")).total()


def test_each_event_has_its_effect_once_whatever_happens(world):
    with process("sweeper", **REACTING), process("sweeper", **REACTING), readers() as reading:
        wait_until(lambda: ReactionCursor.objects.count() == len(REACTIONS), SECONDS)
        with ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(write, world.acme, seed) for seed in range(WRITERS)]
            for number in range(KILLS):
                wait_until(lambda number=number: made() >= number * EVENTS / KILLS, SECONDS)
                reading.kill(number)
            for writer in writing:
                writer.result()
        wait_until(lambda: made() >= 2 * EVENTS, SECONDS)
        broken = ReactionCursor.objects.get(name="always_broken")
    assert committed("run.failed").total() == committed("step.succeeded").total() == EVENTS
    assert effects("on_failed") == committed("run.failed")
    assert effects("on_succeeded") == committed("step.succeeded")
    # The others were done while this one stood at its first event, and those who died were at work.
    assert broken.failures > 1
    assert broken.failing_id == Event.objects.filter(type__in=["run.failed", "step.succeeded"]).earliest("xid", "id").pk
    assert effects("always_broken").total() == 0
    assert len(effect_makers() & set(reading.pids[:KILLS])) > 1
