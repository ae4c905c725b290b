"""The states in which verbs on runs and steps are refused, each written once."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from controlplane.domain.errors import ActionRefused
from controlplane.domain.refusals import Refusal
from runs.models import RUN_FINAL, RUN_LIVE, PauseCause, Run, RunState, StepRun, StepState, Trigger, WaitsFor


def asked_for_by(run: Run) -> ActionRefused:
    by = Run.objects.values_list("control_by", flat=True).get(pk=run.pk)
    return ActionRefused(f"This run is stopping already; {by} asked for it.")


def review_first(run: Run) -> ActionRefused:
    key = run.steps.filter(state=StepState.NEEDS_REVIEW).values_list("key", flat=True).first()
    return ActionRefused(f"Step {key} needs a review first.")


def run_of(step: StepRun) -> QuerySet[Run]:
    """A run's row is locked before its steps."""
    return Run.objects.select_for_update(no_key=True, of=("self",)).filter(pk=step.run_id)


def with_what_refers_to(run: Run) -> QuerySet[Run]:
    """A replay that is being made of it comes first, so that nothing points at what is gone."""
    return Run.objects.select_for_update(of=("self",)).filter(pk=run.pk)


ENDED = Refusal(Q(state__in=RUN_FINAL), "It has ended already.")
NOT_ENDED = Refusal(Q(state__in=RUN_LIVE), "It has not ended yet.")
STOPPING = Refusal(Q(stop_requested_at__isnull=False), "It is stopping already.", asked_for_by)
NOT_PAUSABLE = Refusal(~Q(state__in=[RunState.QUEUED, RunState.RUNNING]), "Only what waits or runs can be paused.")
PAUSING = Refusal(Q(pause_requested_at__isnull=False), "It is pausing already.")
NOT_PAUSED = Refusal(Q(pause_requested_at__isnull=True), "It is not paused.")
PARENT_PAUSED = Refusal(Q(pause_cause=PauseCause.PARENT), "The run that started it is paused. Resume that one.")
TO_REVIEW = Refusal(
    Exists(StepRun.objects.filter(run=OuterRef("pk"), state=StepState.NEEDS_REVIEW)),
    "A step needs a review first.",
    review_first,
)
ELSEWHERE = Refusal(Q(trigger=Trigger.EXTERNAL), "It executes elsewhere and is only reported here.")
ARCHIVED = Refusal(Q(workflow__archived_at__isnull=False), "Its workflow is archived.")
CHILD_RUNS = Refusal(
    Exists(Run.objects.live().filter(parent_run=OuterRef("pk"))),
    "A run that it started has not ended yet. Cancel that one first.",
)
# Of a step.
NOT_TO_REVIEW = Refusal(~Q(state=StepState.NEEDS_REVIEW), "It does not wait for a review.")
NOT_TO_SIGNAL = Refusal(~Q(waits_for=WaitsFor.SIGNAL), "It does not wait for a signal.")
# Of a workflow that is to be started.
WORKFLOW_ARCHIVED = Refusal(Q(archived_at__isnull=False), "The workflow is archived.")
UNRELEASED = Refusal(Q(current=None), "It has no released version yet. Release its draft first.", waived_by="draft")
