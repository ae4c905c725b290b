"""What this process is working on: one thread extends all its leases, hears of cancellations, and flushes logs."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import use_own_connection
from runs.engine import names
from runs.engine.claim import Claimed
from runs.engine.logs import LogBuffer
from runs.engine.sql import run_statement
from runs.models import WORKERS_KEPT

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
# So long after its time limit or a cancel may work still go on; then its step goes on without it.
GRACE_SECONDS = 30

# Who locks many running steps does it in the order of their ids, so a heartbeat and a cancel never wait for each other.
EXTEND = """
WITH ours AS (
    SELECT step.run_id, step.id
    FROM runs_steprun step
        JOIN unnest(%(runs)s::bigint[], %(ids)s::bigint[], %(attempts)s::int[]) AS mine (run, id, attempt)
        ON step.run_id = mine.run AND step.id = mine.id AND step.attempt_no = mine.attempt
    WHERE step.state = 'running' ORDER BY step.id FOR NO KEY UPDATE OF step
)
UPDATE runs_steprun SET lease_until = now() + make_interval(secs => %(lease)s)
FROM ours WHERE runs_steprun.run_id = ours.run_id AND runs_steprun.id = ours.id
RETURNING runs_steprun.id, attempt_no, cancel_requested
"""
ASKED_TO_STOP = """
SELECT step.id, run.deadline_at <= run.stop_requested_at AS overran
FROM unnest(%(runs)s::bigint[], %(ids)s::bigint[]) AS mine (run, id)
    JOIN runs_steprun step ON step.run_id = mine.run AND step.id = mine.id
    JOIN runs_run run ON run.id = step.run_id
WHERE step.cancel_requested
"""
REGISTER = """
INSERT INTO runs_worker (name, boot, life, queue, slots, busy, started_at, seen_at)
VALUES (%(name)s, %(boot)s, %(life)s, %(queue)s, %(slots)s, %(busy)s, now(), now())
ON CONFLICT (name) DO UPDATE SET """
BEGIN = f"""{REGISTER} boot = EXCLUDED.boot, life = EXCLUDED.life, queue = EXCLUDED.queue, slots = EXCLUDED.slots,
    busy = EXCLUDED.busy, started_at = now(), seen_at = now()
"""
# Whoever was away for so long that the sweep forgot it is known again; a later life of the same name stays as it is.
SEEN = f"{REGISTER} seen_at = now(), busy = EXCLUDED.busy WHERE runs_worker.boot = EXCLUDED.boot"
GOODBYE = "DELETE FROM runs_worker WHERE name = %(name)s AND boot = %(boot)s"
# Two that start at the same moment look one after the other. Whoever only reads cannot hold this lock.
ONE_AT_A_TIME = "LOCK TABLE runs_worker IN SHARE ROW EXCLUSIVE MODE"
FORGET = "DELETE FROM runs_worker WHERE seen_at < now() - %(kept)s RETURNING name"
VOID_EARLIER_LIFE = """
WITH void AS (
    SELECT run_id, id FROM runs_steprun
    WHERE state = 'running' AND worker <> %(me)s
      AND (starts_with(worker, %(name)s || '/') OR starts_with(worker, %(name)s || '#'))
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE runs_steprun SET lease_until = now() FROM void
WHERE runs_steprun.run_id = void.run_id AND runs_steprun.id = void.id
RETURNING runs_steprun.id
"""


def nothing() -> None:
    """Somebody else decides."""


@dataclass
class Lease:
    """One attempt in flight. `abandon` records how it ended when its work neither ends nor looks at its token;
    `show` lets people see what it was asked when it takes longer than a moment.
    """

    claimed: Claimed
    token: CancelToken
    log: LogBuffer
    abandon: Callable[[], object] = nothing
    show: Callable[[], object] = nothing
    asked_at: float | None = field(default=None, init=False)
    held_at: float = field(default_factory=time.monotonic, init=False)
    is_shown: bool = field(default=False, init=False)

    def ask_to_stop(self, *, overran: bool) -> None:
        self.asked_at = self.asked_at or time.monotonic()
        self.token.cancel("the run's time limit was reached" if overran else "the run was asked to stop")

    def show_if_long(self) -> None:
        if not self.is_shown and time.monotonic() - self.held_at >= LOOK_SECONDS:
            self.is_shown = True
            self.show()

    @property
    def overstayed(self) -> bool:
        """Whether it should have ended longer ago than the grace."""
        ends = [end for end in (self.asked_at, self.token.deadline) if end is not None]
        return bool(ends) and time.monotonic() - min(ends) > GRACE_SECONDS

    @property
    def key(self) -> tuple[int, int]:
        """A step may be here twice: the attempt that was taken back, and the one after it."""
        return self.claimed.id, self.claimed.attempt_no


class Leases:
    """The attempts in flight in this process."""

    def __init__(self) -> None:
        self.boot = secrets.token_hex(5)
        self.name = settings.ENGINE_WORKER_NAME or f"{socket.gethostname()}-{os.getpid()}"
        self._held: dict[tuple[int, int], Lease] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # What it announced itself with; nothing before.
        self._announced: dict[str, Any] = {}

    @property
    def worker(self) -> str:
        """Name and life of this worker, as attempts record it."""
        return f"{self.name}/{self.boot}"

    def hold(self, lease: Lease) -> None:
        with self._lock:
            self._held[lease.key] = lease
            self._start_beating()

    def _start_beating(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._beat_for_ever, name="leases", daemon=True)
            self._thread.start()

    def drop(self, lease: Lease) -> None:
        with self._lock:
            self._held.pop(lease.key, None)

    def held(self) -> list[Lease]:
        with self._lock:
            return list(self._held.values())

    @property
    def slots(self) -> int:
        """How many steps this worker does at once; 0 before it is registered."""
        return self._announced.get("slots", 0)

    def take_name(self, name: str, *, slots: int = 0, queue: str = "default") -> list[int]:
        """Be the worker of that name, once no other one is. Returns the steps that an earlier life of it held.

        Without `slots` it only looks: the processes of a pool announce themselves. Raises NameTaken.
        """
        self.name = name
        while True:
            names.wait_for_name(name, self.boot)
            with transaction.atomic():
                run_statement(ONE_AT_A_TIME, {})
                if not any(map(names.may_live, names.earlier(name, self.boot))):
                    return self.announce(queue=queue, slots=slots) if slots else self.void_earlier_life()

    def announce(self, *, queue: str, slots: int) -> list[int]:
        """Announce this worker and void the leases of its own name's earlier life. Returns the steps set free."""
        who = {"name": self.name, "boot": self.boot, "life": names.this_life()}
        announced = {**who, "queue": queue, "slots": slots}
        run_statement(BEGIN, announced | {"busy": 0})
        with self._lock:
            self._announced = announced
            self._start_beating()
        return self.void_earlier_life()

    def leave(self) -> None:
        """It ends in peace: whoever starts with this name, wherever, need not wait for a sign of life."""
        with self._lock:
            announced, self._announced = self._announced, {}
        if announced:
            run_statement(GOODBYE, {"name": announced["name"], "boot": announced["boot"]})

    def void_earlier_life(self) -> list[int]:
        """What a worker of this name, or one of its pool's processes, held when it died is nobody's now."""
        return [row["id"] for row in run_statement(VOID_EARLIER_LIFE, {"name": self.name, "me": self.worker})]

    def _beat_for_ever(self) -> None:
        use_own_connection()
        extended = 0.0
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                due = time.monotonic() - extended >= settings.ENGINE_HEARTBEAT_SECONDS
                self.beat() if due else self.look_between_beats()
                extended = time.monotonic() if due else extended
                if not self.held():
                    connection.close()
            except Exception as error:
                # Whatever goes wrong once, the next beat comes: without it this worker would lose all its work.
                logger.warning("Heartbeat failed", extra={"action": "heartbeat_failed", "error": repr(error)})
                connection.close()

    def beat(self) -> None:
        """Extend every lease; what is not ours any more is interrupted; what does not heed its end is left behind."""
        self.leave_behind([lease for lease in self.held() if lease.overstayed])
        leases = self.held()
        if self._announced:
            run_statement(SEEN, self._announced | {"busy": len(leases)})
        if leases:
            parameters = {
                "lease": settings.ENGINE_LEASE_SECONDS,
                **which(leases),
                "attempts": [lease.claimed.attempt_no for lease in leases],
            }
            rows = run_statement(EXTEND, parameters)
            ours = {(row["id"], row["attempt_no"]): row["cancel_requested"] for row in rows}
            for lease in leases:
                if lease.key not in ours:
                    lease.token.cancel("another worker took the step over")
            if any(ours.values()):
                self.hear(leases)
        flush(leases)

    def leave_behind(self, leases: list[Lease]) -> None:
        """Its thread cannot be stopped, its step can be settled. Should that fail, the sweep finds the lease over."""
        for lease in leases:
            self.drop(lease)
            logger.error("Work does not stop", extra={"action": "work_abandoned", "step": lease.claimed.id})
            try:
                lease.abandon()
            except Exception:
                logger.exception("An abandoned step is left to the sweep", extra={"action": "abandon_failed"})

    def look_between_beats(self) -> None:
        """Between heartbeats: hear of cancellations quickly, and let watchers see the log."""
        leases = self.held()
        if leases:
            self.hear(leases)
        flush(leases)

    def hear(self, leases: list[Lease]) -> None:
        asked = run_statement(ASKED_TO_STOP, which(leases))
        overran = {row["id"]: bool(row["overran"]) for row in asked}
        for lease in leases:
            if lease.claimed.id in overran:
                lease.ask_to_stop(overran=overran[lease.claimed.id])


def which(leases: list[Lease]) -> dict[str, list[int]]:
    """Their runs and steps, in the same order."""
    return {"runs": [lease.claimed.run_id for lease in leases], "ids": [lease.claimed.id for lease in leases]}


def flush(leases: list[Lease]) -> None:
    """Writes what is old enough to be seen: requests of long steps, and lines of their logs."""
    for lease in leases:
        lease.show_if_long()
        lease.log.flush_if_old()


def forget_old_workers() -> int:
    """Delete those that were not seen for long: under a new name for each process they would pile up. How many."""
    return len(run_statement(FORGET, {"kept": WORKERS_KEPT}))


leases = Leases()


def after_fork() -> None:
    """A forked pool child is a worker of its own: its own leases, its own life."""
    name = leases.name
    leases.__init__()  # type: ignore[misc]
    leases.name = f"{name}#{os.getpid()}"


os.register_at_fork(after_in_child=after_fork)
