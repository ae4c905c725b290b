"""Without the broker: a worker with room takes from the database what no message brought to anybody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection

from celery import current_app
from django.conf import settings
from django.db import connection

from controlplane.domain.queueing import Task, sources, waiting
from runs.engine.leases import leases
from runs.engine.sql import run_statement
from runs.engine.states import CLAIMABLE

logger = logging.getLogger(__name__)
EVERY_SECONDS = 1.0
# A step whose slot is full waits for the slot, not for a worker.
WAITING = f"""
SELECT id, run_id FROM runs_steprun step
WHERE state IN {CLAIMABLE} AND NOT held AND due_at < now() - make_interval(secs => %(after)s)
  AND queue = ANY(%(queues)s) AND NOT EXISTS (
    SELECT FROM agents_slot slot WHERE slot.key = step.slot_key AND slot.in_use >= slot.capacity)
ORDER BY due_at LIMIT %(most)s
"""


@waiting
def steps(queues: Collection[str], most: int) -> list[Task]:
    """(task, (step id, run id)) of at most `most` steps of these queues that no message has brought to a worker."""
    asked = {"after": settings.ENGINE_PULL_AFTER_SECONDS, "queues": list(queues), "most": most}
    return [("runs.tasks.execute_step", (row["id"], row["run_id"])) for row in run_statement(WAITING, asked)]


class Puller:
    """What this process took by itself. `queues` are those of its worker."""

    def __init__(self) -> None:
        self.queues: list[str] = []
        self._doing: set[Task] = set()
        self._changed = threading.Condition()
        self._stopping = threading.Event()

    @property
    def room(self) -> int:
        """How many more steps this worker could do now, whoever brought those that it does."""
        return leases.slots - max(len(leases.held()), len(self._doing))

    def look_for_ever(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                self.take_waiting()
            except Exception as error:
                logger.warning("Waiting work was not looked for", extra={"action": "pull_failed", "error": repr(error)})
            finally:
                connection.close()

    def take_waiting(self) -> int:
        """Take what waits, as far as there is room; how many."""
        taken = 0
        for source in sources:
            room = self.room
            for task in source(self.queues, room) if room > 0 else ():
                taken += self.start_task(task)
        return taken

    def start_task(self, task: Task) -> bool:
        with self._changed:
            if task in self._doing or self._stopping.is_set():
                return False
            self._doing.add(task)
        logger.info("Taken without the broker", extra={"action": "pulled", "task": task[0], "ids": task[1]})
        threading.Thread(target=self.run_task, args=(task,), name="pulled", daemon=True).start()
        return True

    def run_task(self, task: Task) -> None:
        name, arguments = task
        try:
            current_app.tasks[name](*arguments)
        except Exception:
            logger.exception("A pulled task broke", extra={"action": "pulled_broke", "task": name})
        finally:
            connection.close()
            with self._changed:
                self._doing.discard(task)
                self._changed.notify_all()

    def stop(self) -> None:
        self._stopping.set()

    def wait(self) -> None:
        """Until what was taken is done, as the pool of the worker waits for its own."""
        self.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._doing)


puller = Puller()


def take_from(queues: Collection[str]) -> None:
    """The queues of this process and of those that it forks."""
    puller.queues = list(queues)


def start() -> None:
    threading.Thread(target=puller.look_for_ever, name="pull", daemon=True).start()


def stop() -> None:
    puller.stop()


def wait() -> None:
    puller.wait()
