"""A step that waits is ended here and nowhere else, whatever woke it: a timer, a child run, its items, a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.domain.action import Actor
from runs.engine.locked import LockedRun, as_json, described
from runs.engine.sql import Row, one
from runs.models import PEOPLE, StepState

END = """
UPDATE runs_steprun SET
    state = %(state)s, waits_for = '', held = false, due_at = NULL, ended_at = clock_timestamp(),
    output = COALESCE(%(output)s::jsonb, output),
    error = CASE WHEN %(succeeded)s THEN NULL ELSE COALESCE(%(error)s::jsonb, error) END
WHERE id = %(id)s AND run_id = %(run)s AND waits_for = %(waits_for)s
  AND (NOT %(when_due)s OR (due_at <= now() AND NOT held))
RETURNING id, key, index, state, queue
"""


@dataclass(frozen=True)
class Ending:
    """What a wait came to. `event` is step.STATE unless it has a name of its own; `facts` are told in it."""

    state: str
    output: Any = None
    error: Mapping[str, Any] | None = None
    event: str = ""
    by: Actor | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def settle_waiting(
    run: LockedRun, step_id: int, waits_for: str, ending: Ending, *, when_due: bool = False
) -> Row | None:
    """End the step if it still waits for just this (a WaitsFor); with `when_due`, only when its time has come.

    Returns {"id", "key", "index", "state", "queue"} for `Advance.after`; None when somebody else was faster, which
    changes nothing.
    """
    result = {"state": ending.state, "output": as_json(ending.output), "error": as_json(ending.error)}
    asked = {"id": step_id, "run": run.id, "waits_for": waits_for, "when_due": when_due}
    row = one(END, result | asked | {"succeeded": ending.state == StepState.SUCCEEDED})
    if row is not None:
        run.people_steps -= waits_for in PEOPLE
        emit_ending(run, row, ending)
    return row


def emit_ending(run: LockedRun, row: Row, ending: Ending) -> None:
    """The event of `ending`, or that of the step's new state; who did it only where a person or token did."""
    who: dict[str, Any] = {"actor": ending.by.name, "user": ending.by.user_id} if ending.by else {}
    more: dict[str, Any] = {"error": ending.error} if ending.error else {}
    run.emit(ending.event or f"step.{ending.state}", **who, **described(row, ending.state), **ending.facts, **more)
