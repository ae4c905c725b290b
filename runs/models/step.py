"""The steps of a run and each try of one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.projects.models import Project
from runs.models.run import Run
from runs.models.states import NEEDS_ATTENTION, PEOPLE, STEP_CLAIMABLE, STEP_TIMED, StepState, WaitsFor

SAYS_WHAT_IT_WAITS_FOR = (
    Q(state=StepState.NEEDS_REVIEW, waits_for=WaitsFor.REVIEW)
    | Q(state=StepState.WAITING, waits_for__in=[word for word in WaitsFor if word != WaitsFor.REVIEW])
    | (~Q(state__in=[StepState.WAITING, StepState.NEEDS_REVIEW]) & Q(waits_for=""))
)


class StepRun(models.Model):
    """One step of a run; under `foreach` a parent row (index null) and one row an item (index 0, 1, …).

    pending -> queued -> running -> succeeded | failed | cancelled | needs_review
    running -> retrying -> running                (`due_at` says when)
    pending -> waiting -> succeeded | failed      (nobody holds a worker; `waits_for` says what ends it)
    pending -> skipped                            (its condition was false, or what it needs did not succeed)

    `waiting_for` counts unfinished needs; `held` keeps a paused run's steps from being claimed; `sent_at` is set before
    a call that must not be repeated leaves.

    What belongs to a step is deleted with its run, and refers to the step without a constraint in the database, which
    would keep the table from ranges of `run_id`. `manage.py check_invariants` looks for what has lost its step.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps", db_index=False)
    key = models.CharField(max_length=63)
    index = models.IntegerField(null=True)
    position = models.IntegerField()
    uses = models.CharField(max_length=140)
    stage = models.CharField(max_length=63, blank=True)
    queue = models.CharField(max_length=16, default="default")
    state = models.CharField(max_length=16, choices=StepState, default=StepState.PENDING)
    waits_for = models.CharField(max_length=8, choices=WaitsFor, blank=True, default="", db_default="")
    waiting_for = models.IntegerField(default=0)
    open_items = models.IntegerField(null=True)
    attempt_no = models.IntegerField(default=0)
    losses = models.IntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    sent_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    slot_key = models.CharField(max_length=40, blank=True)
    item = models.JSONField(null=True)
    request = models.JSONField(null=True)
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)
    progress = models.JSONField(null=True)
    reused = models.BooleanField(default=False, db_default=False, help_text="Taken over from the run this replays.")
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position", "index"]
        indexes = [
            # Statements name both, so that a run with thousands of items is not read through for one of them.
            models.Index(fields=["run", "id"], name="step_of_run"),
            models.Index(
                fields=["due_at"],
                name="step_due",
                condition=Q(state__in=STEP_TIMED, held=False),
            ),
            models.Index(fields=["lease_until"], name="step_leases", condition=Q(state=StepState.RUNNING)),
            models.Index(
                fields=["slot_key", "queued_at"],
                name="step_next_in_line",
                condition=Q(state__in=STEP_CLAIMABLE) & ~Q(slot_key=""),
            ),
            models.Index(fields=["id"], name="step_waits_for_a_child", condition=Q(waits_for=WaitsFor.CHILD)),
            models.Index(fields=["run"], name="step_to_review", condition=Q(state=StepState.NEEDS_REVIEW)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "key", "index"], name="one_step_run_per_index"),
            models.UniqueConstraint(
                fields=["run", "key"], condition=Q(index__isnull=True), name="one_step_run_per_key"
            ),
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="step_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=StepState.RUNNING) | Q(lease_until__isnull=False), name="running_step_has_a_lease"
            ),
            models.CheckConstraint(condition=Q(waiting_for__gte=0), name="step_counts_its_needs"),
            models.CheckConstraint(condition=SAYS_WHAT_IT_WAITS_FOR, name="step_says_what_it_waits_for"),
        ]

    def __str__(self) -> str:
        return self.key if self.index is None else f"{self.key}[{self.index}]"

    @property
    def project(self) -> Project:
        return self.run.project

    @property
    def shown_state(self) -> str:
        return NEEDS_ATTENTION if self.waits_for in PEOPLE else str(self.state)

    @property
    def duration_ms(self) -> int | None:
        if self.started_at is None:
            return None
        return int(((self.ended_at or timezone.now()) - self.started_at).total_seconds() * 1000)


class Attempt(models.Model):
    """One try of a step, numbered from 1. `state` is running, then how it ended; `lost` when its worker died."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="attempts", db_index=False)
    step = models.ForeignKey(StepRun, models.DO_NOTHING, related_name="attempts", db_constraint=False)
    number = models.IntegerField()
    state = models.CharField(max_length=16, default="running")
    worker = models.CharField(max_length=120)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    error = models.JSONField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "step", "number"], name="one_attempt_of_a_number")]

    def __str__(self) -> str:
        return f"{self.step} attempt {self.number}"
