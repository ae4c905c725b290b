"""A bell rang: take the operation, do its rows one by one, settle it. Any number may try; one has the lease."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from controlplane.domain.database import DATABASE_AWAY, is_away
from controlplane.domain.errors import ProblemError
from controlplane.operations.carrying.counting import count
from controlplane.operations.models import Operation, OperationRow, OperationState, RowState
from controlplane.portal.registry import load, operations

logger = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
BROKEN = "Something went wrong on our side; the log has the details."


class Work:
    """One worker's hold on one operation."""

    def __init__(self, operation_id: int) -> None:
        self.operation_id = operation_id
        self.name = f"{socket.gethostname()}-{os.getpid()}/{secrets.token_hex(4)}"
        self.beaten = 0.0
        self.is_wanted = True

    def claim(self) -> Operation | None:
        """The operation, if it waits or its worker's lease is over; else None."""
        free = Q(state=OperationState.QUEUED) | Q(state=OperationState.RUNNING, lease_until__lt=Now())
        taken = Operation.objects.filter(free, pk=self.operation_id).update(
            state=OperationState.RUNNING, worker=self.name, lease_until=Now() + lease(), attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", Now()),
        )  # fmt: skip
        rows = Operation.objects.select_related("project", "user", "by_token")
        return rows.get(pk=self.operation_id) if taken else None

    def still_owned(self) -> bool:
        """Whether the operation is still ours and wanted; once a second this extends the lease and counts."""
        if time.monotonic() - self.beaten < BEAT_SECONDS:
            return True
        self.beaten = time.monotonic()
        count(self.operation_id)
        return self.extend()

    def extend(self, **changes: object) -> bool:
        mine = Operation.objects.filter(pk=self.operation_id, state=OperationState.RUNNING, worker=self.name)
        return bool(mine.update(lease_until=Now() + lease(), **changes))

    @contextmanager
    def beating(self, progress: Callable[[], dict[str, int]]) -> Iterator[None]:
        """For work that keeps its thread and connection busy: another thread extends the lease until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(over, progress), name="operation-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, over: threading.Event, progress: Callable[[], dict[str, int]]) -> None:
        while not over.wait(BEAT_SECONDS) and self.is_wanted:
            try:
                self.is_wanted = self.extend(**progress())
            except DATABASE_AWAY as error:
                logger.warning(
                    "An operation's lease waits for the database", extra={"action": "lease_waits", "error": str(error)}
                )
            finally:
                connection.close()

    def finish(self, **changes: object) -> bool:
        return self.end(OperationState.SUCCEEDED, **changes)

    def settle(self) -> None:
        """End it, unless a row is still in the hands of somebody who was slow: then whoever comes next does."""
        done, refused = count(self.operation_id)
        if OperationRow.objects.filter(operation=self.operation_id, state=RowState.PENDING).exists():
            return
        state = (
            OperationState.PARTIALLY_SUCCEEDED
            if refused and done
            else OperationState.FAILED
            if refused
            else OperationState.SUCCEEDED
        )
        self.end(state)

    @transaction.atomic
    def give_up(self, message: str) -> None:
        """What is left stays undone, unless it is in the hands of another worker by now."""
        if not self.end(OperationState.FAILED, message=message[:500]):
            return
        rows = OperationRow.objects.filter(operation=self.operation_id)
        rows.filter(state=RowState.PENDING).update(state=RowState.SKIPPED)
        if rows.exists():
            count(self.operation_id)

    def end(self, state: str, **changes: object) -> bool:
        """Whether it was still ours to end."""
        mine = Operation.objects.filter(pk=self.operation_id, state=OperationState.RUNNING, worker=self.name)
        return bool(mine.update(state=state, ended_at=Now(), lease_until=None, **changes))


def work(operation_id: int) -> None:
    """Do what is left of the operation. An operation that somebody else has, or that has ended, is left alone."""
    mine = Work(operation_id)
    operation = mine.claim()
    if operation is None:
        return
    try:
        load(operations[operation.kind])(operation, mine)
    except ProblemError as problem:
        mine.give_up(problem.detail)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("An operation broke", extra={"action": "operation_broke", "operation": operation_id})
        mine.give_up(BROKEN)


def lease() -> timedelta:
    return timedelta(seconds=settings.ENGINE_LEASE_SECONDS)
