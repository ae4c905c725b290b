"""What an executor gets: its request, where to log, how to say how far it is, and when to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from agents.calls.context import CallContext
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import lend_connection
from controlplane.domain.failures import Cancelled
from runs import events
from runs.engine.claim import Claimed
from runs.engine.faults import fault
from runs.engine.finish import mark_sent
from runs.engine.locked import as_json, locked_run
from runs.engine.logs import LogBuffer
from runs.engine.sql import borrowed_connection, one
from workflows.kinds import KINDS, StepKind

PROGRESS_SECONDS = 0.5

SAVE_PROGRESS = """
UPDATE runs_steprun SET progress = %(progress)s::jsonb
WHERE run_id = %(run)s AND id = %(step)s AND attempt_no = %(attempt)s AND state = 'running' RETURNING id
"""


@dataclass
class StepContext:
    claimed: Claimed
    request: Any
    token: CancelToken
    log_buffer: LogBuffer
    # Whether it is on record that a call left which must not be repeated.
    marked: bool = field(default=False, init=False)
    _last_progress: float = field(default=0.0, init=False)

    @property
    def idempotency_key(self) -> str:
        return self.claimed.idempotency_key

    @property
    def kind(self) -> StepKind:
        return KINDS[self.claimed.step.kind]

    @property
    def target(self) -> str:
        return self.claimed.uses.partition(":")[2]

    def log(self, level: str, text: str) -> None:
        """One or more lines; `level` is debug, info, warning or error."""
        self.log_buffer.add(level, text)

    def progress(self, done: int, total: int | None = None, counts: dict[str, int] | None = None) -> None:
        """How far it is. Written at most twice a second, and at the end. Keeps no connection from other threads."""
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS and done != total:
            return
        self._last_progress = now
        with borrowed_connection():
            self._save_progress({"done": done, "total": total, "counts": counts or {}})

    def _save_progress(self, progress: dict[str, Any]) -> None:
        with locked_run(self.claimed.run_id) as run:
            parameters = self.claimed.key_of_attempt | {"progress": as_json(progress)}
            if run is not None and one(SAVE_PROGRESS, parameters):
                run.emit(events.STEP_PROGRESS, step=self.claimed.key, index=self.claimed.index,
                         id=self.claimed.id, **progress)  # fmt: skip

    def before_send(self) -> None:
        """A call leaves. While it waits for somebody else, its connection serves other threads."""
        fault("tool.before_send")
        lend_connection()

    def before_sending_once(self) -> None:
        """Put on record that a call leaves which must not be repeated; raises when the step is not ours any more."""
        if not mark_sent(self.claimed):
            raise Cancelled("The step was stopped or taken over before anything was sent.")
        self.marked = True
        self.before_send()

    def call_context(self, *, repeatable: bool) -> CallContext:
        """The same, for what the agents app calls. `repeatable`: calling twice with the same key does no harm."""
        return CallContext(
            project_id=self.claimed.project_id,
            token=self.token,
            log=self.log,
            progress=self.progress,
            idempotency_key=self.idempotency_key,
            before_send=self.before_send if repeatable else self.before_sending_once,
        )
