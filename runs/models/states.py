"""The words for how runs and steps stand, what a step waits for, and why a run began."""

from __future__ import annotations

from django.db import models


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING_APPROVAL = "waiting_approval", "Waiting for approval"
    PAUSED = "paused", "Paused"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    TIMED_OUT = "timed_out", "Timed out"


RUN_LIVE = [
    RunState.QUEUED,
    RunState.RUNNING,
    RunState.WAITING_APPROVAL,
    RunState.PAUSED,
    RunState.STOPPING,
]

MAY_NEED_ATTENTION = [RunState.RUNNING, RunState.PAUSED]

RUN_FINAL = [state for state in RunState if state not in RUN_LIVE]


class StepState(models.TextChoices):
    PENDING = "pending", "Pending"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    RETRYING = "retrying", "Retrying"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    CANCELLED = "cancelled", "Cancelled"
    NEEDS_REVIEW = "needs_review", "Needs attention"


# What a worker may take once it is due; with what waits for its moment. More groups: runs/engine/states.py.
STEP_CLAIMABLE = [StepState.QUEUED, StepState.RETRYING]

STEP_TIMED = [*STEP_CLAIMABLE, StepState.WAITING]


class WaitsFor(models.TextChoices):
    """What moves a step that nobody works on. Empty for every other step."""

    TIME = "time", "Time"
    CHILD = "child", "Child run"
    ITEMS = "items", "Items"
    APPROVAL = "approval", "Approval"
    REVIEW = "review", "Review"
    SIGNAL = "signal", "Signal"
    RECORDS = "records", "Records"


# Of these only a person can end the wait. A signal mostly comes from another system, for which the run's limit holds.
PEOPLE = (WaitsFor.APPROVAL, WaitsFor.REVIEW)

# The word for a run, and for a step of it, that goes on only when a person has done something.
NEEDS_ATTENTION = "needs_attention"


class PauseCause(models.TextChoices):
    """Who may end a pause: a person; the last review; the run that started this one."""

    PERSON = "person", "Person"
    REVIEW = "review", "Review"
    PARENT = "parent", "Parent run"


class Trigger(models.TextChoices):
    MANUAL = "manual", "Manual"
    API = "api", "API"
    SCHEDULE = "schedule", "Schedule"
    WEBHOOK = "webhook", "Webhook"
    RETRY = "retry", "Retry"
    REPLAY = "replay", "Replay"
    BATCH = "batch", "Batch"
    BACKFILL = "backfill", "Backfill"
    EXTERNAL = "external", "External"
    TEST = "test", "Test"
    WORKFLOW = "workflow", "Workflow"


class ReviewOutcome(models.TextChoices):
    """What a person may say of a step whose outcome is unknown."""

    SUCCEEDED = "succeeded", "It took effect: go on"
    FAILED = "failed", "It failed"
    RUN_AGAIN = "run_again", "Run it again"
