"""Doing it: runs, their steps, attempts, logs and artifacts."""

from runs.models.call import Call
from runs.models.kept import Artifact, LogChunk
from runs.models.run import Run, RunQuerySet
from runs.models.states import (
    MAY_NEED_ATTENTION,
    NEEDS_ATTENTION,
    PEOPLE,
    RUN_FINAL,
    RUN_LIVE,
    STEP_CLAIMABLE,
    STEP_TIMED,
    PauseCause,
    ReviewOutcome,
    RunState,
    StepState,
    Trigger,
    WaitsFor,
)
from runs.models.step import Attempt, StepRun
from runs.models.worker import BEATS_UNTIL_STALE, WORKERS_KEPT, Worker

__all__ = [
    "BEATS_UNTIL_STALE",
    "MAY_NEED_ATTENTION",
    "NEEDS_ATTENTION",
    "PEOPLE",
    "RUN_FINAL",
    "RUN_LIVE",
    "STEP_CLAIMABLE",
    "STEP_TIMED",
    "WORKERS_KEPT",
    "Artifact",
    "Attempt",
    "Call",
    "LogChunk",
    "PauseCause",
    "ReviewOutcome",
    "Run",
    "RunQuerySet",
    "RunState",
    "StepRun",
    "StepState",
    "Trigger",
    "WaitsFor",
    "Worker",
]
