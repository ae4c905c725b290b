"""Runs that execute elsewhere: their script says how they stand, and no worker here ever claims anything of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from controlplane.domain.action import Actor
from controlplane.domain.errors import ActionRefused
from controlplane.domain.words import counted
from runs import events
from runs.engine.locked import LockedRun, locked_run_or_refuse
from runs.engine.logs import APPEND, CHUNK_LINES, clean
from runs.engine.sql import one, run_statement
from runs.models import RUN_FINAL, Run, RunState

# What every run has: a definition. Nothing of it executes here.
NO_STEPS: dict[str, Any] = {"steps": []}
REPORTED = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING_APPROVAL, *RUN_FINAL)

SPENT = "SELECT cost_usd, input_tokens, output_tokens, heartbeat_seconds FROM runs_run WHERE id = %(id)s"
# In the transaction of the report and under its lock: what the script knows better than our clock, and its deadline.
KEEP_TIMES = """
UPDATE runs_run SET
    started_at = COALESCE(%(started_at)s::timestamptz,
        CASE WHEN started_at IS NOT NULL THEN LEAST(started_at, %(finished_at)s::timestamptz) END),
    ended_at = CASE WHEN ended_at IS NOT NULL THEN COALESCE(%(finished_at)s::timestamptz, ended_at) END,
    heartbeat_seconds = COALESCE(%(heartbeat)s::int, heartbeat_seconds),
    deadline_at = now() + make_interval(secs => COALESCE(%(heartbeat)s::int, heartbeat_seconds))
WHERE id = %(id)s
"""


@dataclass(frozen=True)
class Report:
    """What a script says; None for what it does not. Cost and tokens are those of the run so far."""

    status: str | None = None
    outputs: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    log_excerpt: str = ""
    cost_usd: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_seconds: int | None = None

    @property
    def says_more(self) -> bool:
        """Whether it is more than a sign of life."""
        spent = (self.cost_usd, self.input_tokens, self.output_tokens)
        return self.outputs is not None or self.error is not None or any(one is not None for one in spent)


def begin(run: Run, report: Report, *, by: Actor) -> None:
    """The first events of a run that was just written, queued. The caller holds the transaction."""
    with locked_run_or_refuse(run.pk) as locked:
        facts = {"state": RunState.QUEUED, "workflow": run.workflow.name, "trigger": locked.trigger}
        locked.emit(events.CREATED, actor=by.name, user=by.user_id, **facts)
        take_in(locked, report, by)
    keep_times(run.pk, report)


def hear(run_id: int, report: Report, *, by: Actor) -> None:
    """Take a report in. Raises ActionRefused when the run has ended or cannot go that way. The caller's transaction."""
    with locked_run_or_refuse(run_id) as run:
        if run.is_final:
            label = RunState(run.state).label.lower()
            message = f"This run has ended ({label}), so nothing more can be reported. Stop working on it."
            raise ActionRefused(message, code="run_ended", run_status=run.state)
        take_in(run, report, by)
    keep_times(run_id, report)


def mark_lost(run: LockedRun) -> None:
    """Its script has been silent for longer than it promised."""
    seconds = (one(SPENT, {"id": run.id}) or {}).get("heartbeat_seconds")
    message = f"Its script promised to report at least every {counted(seconds or 0, 'seconds')} and did not."
    run.state, run.error = RunState.FAILED, {"type": "lost", "message": message}
    run.emit(events.FAILED, state=run.state, error=run.error)


def take_in(run: LockedRun, report: Report, by: Actor) -> None:
    who: dict[str, Any] = {"actor": by.name, "user": by.user_id}
    add_spent(run, report)
    run.outputs = None if report.outputs is None else dict(report.outputs)
    run.error = None if report.error is None else dict(report.error)
    if report.log_excerpt:
        add_lines(run, report.log_excerpt)
    if report.status is not None and report.status != run.state:
        move(run, report.status, who)
    elif report.says_more:
        run.emit(events.REPORTED, **who)


def move(run: LockedRun, state: str, who: dict[str, Any]) -> None:
    """Raises ActionRefused, with `run_status`, for a state that does not follow the present one."""
    before = RunState(run.state)
    if state not in REPORTED or state not in Run.TRANSITIONS[before]:
        message = f"This run is {before.label.lower()}, so it cannot become {RunState(state).label.lower()}."
        raise ActionRefused(message, run_status=run.state)
    run.state = state
    more: dict[str, Any] = {"error": run.error} if run.error else {}
    run.emit(event_of(state, before), **who, state=state, **more)


def event_of(state: str, before: str) -> str:
    if state == RunState.RUNNING:
        return events.STARTED if before == RunState.QUEUED else events.RESUMED
    return events.WAITING_APPROVAL if state == RunState.WAITING_APPROVAL else f"run.{state}"


def add_spent(run: LockedRun, report: Report) -> None:
    """Totals come in, differences are kept: the row adds them up."""
    spent = one(SPENT, {"id": run.id}) or {}
    if report.cost_usd is not None:
        run.cost = report.cost_usd - spent["cost_usd"]
    if report.input_tokens is not None:
        run.input_tokens = report.input_tokens - spent["input_tokens"]
    if report.output_tokens is not None:
        run.output_tokens = report.output_tokens - spent["output_tokens"]


def add_lines(run: LockedRun, text: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = [{"at": at, "level": "info", "text": clean(line)} for line in text.splitlines()]
    for start in range(0, len(lines), CHUNK_LINES):
        chunk = lines[start : start + CHUNK_LINES]
        parameters = {"run": run.id, "step": None, "attempt": 0, "count": len(chunk), "lines": json.dumps(chunk)}
        first = run_statement(APPEND, parameters)[0]["first_line"]
        run.emit(events.LOGS, line=first + len(chunk) - 1, step=None)


def keep_times(run_id: int, report: Report) -> None:
    """What was not reported stays; every report puts off, by `heartbeat_seconds`, when the run counts as lost."""
    times = {"started_at": report.started_at, "finished_at": report.finished_at}
    run_statement(KEEP_TIMES, {"id": run_id, "heartbeat": report.heartbeat_seconds, **times})
