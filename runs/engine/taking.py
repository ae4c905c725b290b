"""Steps that are done in a moment are taken by the dozen: one statement claims them, one commit records them."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict

from django.conf import settings
from django.db import transaction

from controlplane.events.live import notify
from controlplane.events.reactions import bell
from runs import events
from runs.engine.calling import INSTANT, answered, call_for
from runs.engine.claim import ONE_RUN, ONE_STEP, TAKE_STEP, Claimed
from runs.engine.faults import fault
from runs.engine.leases import leases
from runs.engine.sql import run_statement
from runs.engine.states import CLAIMABLE
from runs.engine.work import execute_together, patiently

# So many steps at once, looked for among so many that are due.
GROUP, WINDOW = 16, 64
# Of one process at once: while one waits for the database, another computes.
MOST_TAKERS = 2
# A queue that never gets empty must not hold a worker that is asked to end.
LONGEST_SECONDS = 5.0

IS_DUE = f"""
state IN {CLAIMABLE} AND NOT held AND due_at <= now() AND queue = %(queue)s AND slot_key = ''
AND uses = ANY(%(instant)s)
"""
# Runs are locked in the order of their ids, as `finish_together` does it.
TAKE_DUE = TAKE_STEP.replace(
    ONE_RUN,
    f"""due AS (
    SELECT run_id, id FROM runs_steprun WHERE {IS_DUE} ORDER BY due_at LIMIT %(window)s
), run AS (
    SELECT * FROM runs_run WHERE id IN (SELECT run_id FROM due) ORDER BY id LIMIT %(most)s
    FOR NO KEY UPDATE
), chosen AS (
    SELECT due.* FROM due JOIN run ON run.id = due.run_id ORDER BY due.run_id, due.id LIMIT %(most)s
)""",
).replace(
    ONE_STEP,
    f"""
    FROM chosen WHERE runs_steprun.run_id = chosen.run_id AND runs_steprun.id = chosen.id AND {IS_DUE}
""",
)
# Runs that somebody changes at the moment are left to the next look, as long as there are others.
TAKE_FREE = TAKE_DUE.replace("FOR NO KEY UPDATE", "FOR NO KEY UPDATE SKIP LOCKED")


def claim_due(queue: str, worker: str, most: int = GROUP) -> list[Claimed]:
    """Steps of that queue that are ours now; none when none is due. In one commit."""
    asked = {"queue": queue, "worker": worker, "most": most, "window": WINDOW, "instant": INSTANT,
             "lease": settings.ENGINE_LEASE_SECONDS}  # fmt: skip
    with transaction.atomic(savepoint=False):
        rows = run_statement(TAKE_FREE, asked) or run_statement(TAKE_DUE, asked)
    claimed = [Claimed(**row) for row in rows]
    for one in claimed:
        notify.notify_run(one.run_id, one.project_id, one.last_seq)
    if claimed:
        bell.ring_if_wanted((events.STARTED, events.STEP_STARTED))
    return claimed


class Takers:
    """Those of this process that take what is due, by queue."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.busy: defaultdict[str, int] = defaultdict(int)
        self.calls: defaultdict[str, int] = defaultdict(int)

    def take(self, queue: str) -> None:
        """Until nothing is due any more, also of what becomes due meanwhile. Enough others do it: return at once.

        After LONGEST_SECONDS somebody is called to go on, so that this worker can end, or do something else.
        """
        with self.lock:
            self.calls[queue] += 1
            if self.busy[queue] >= MOST_TAKERS:
                return
            self.busy[queue] += 1
        until = time.monotonic() + LONGEST_SECONDS
        try:
            while (calls := self.empty(queue, until)) is not None:
                if not self.was_called_since(calls, queue):
                    return
        except BaseException:
            self.leave(queue)
            raise
        self.leave(queue)
        answered(queue)
        call_for(queue)

    def empty(self, queue: str, until: float) -> int | None:
        """How often was called before the last look; None when it is too late for one."""
        take_until_nothing_is_due(queue, until)
        answered(queue)
        with self.lock:
            calls = self.calls[queue]
        # What became due before the mark was gone has called nobody.
        take_until_nothing_is_due(queue, until)
        return calls if time.monotonic() < until else None

    def was_called_since(self, calls: int, queue: str) -> bool:
        """If not, this taker has left."""
        with self.lock:
            if self.calls[queue] != calls:
                return True
            self.busy[queue] -= 1
            return False

    def leave(self, queue: str) -> None:
        with self.lock:
            self.busy[queue] -= 1


def take_until_nothing_is_due(queue: str, until: float = math.inf) -> None:
    """Or until that moment of the monotonic clock."""
    while time.monotonic() < until and (claimed := patiently(lambda: claim_due(queue, leases.worker))):
        fault("claim.after_commit")
        while claimed:
            claimed = execute_together(claimed)


takers = Takers()
