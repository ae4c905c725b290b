"""Doing it: runs, their steps, attempts, logs and artifacts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.files.storage import Storage
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from agents.models import Agent, Environment, Instance, Tool
from controlplane.domain.states import StatefulModel
from controlplane.listing.declaration.full_text import Words
from controlplane.projects.models import Project, ProjectScoped
from workflows.models import Version, Workflow


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


class RunQuerySet(ProjectScoped):
    def for_list(self):
        """What a list shows, without the columns that can be large."""
        return self.select_related("project", "workflow", "version", "agent").defer(
            "inputs", "outputs", "definition", "pins", "version__document", "version__text", "agent__config"
        )

    def live(self):
        return self.filter(state__in=RUN_LIVE)


def list_index(name: str, *fields: str, condition: Q | None = None) -> models.Index:
    """An order of the list that carries every column it can be filtered by, so that counting reads no rows."""
    carried = [
        field for field in ("project", "state", "workflow", "environment", "trigger", "agent") if field not in fields
    ]
    return models.Index(fields=[*fields, "-created_at", "-id"], name=name, include=carried, condition=condition)


KNOWS_ITS_PARENT = Q(parent_run__isnull=True, parent_step__isnull=True) | Q(
    parent_run__isnull=False, parent_step__isnull=False
)


class Run(StatefulModel):
    """One execution of a workflow.

    queued -> running -> succeeded | partially_succeeded | failed | timed_out
    queued | running | paused -> stopping -> cancelled          (`stopping` until running steps have really ended)
    running -> paused -> running                                (`pause_requested_at` is set while running steps end)

    The engine writes state, under the row's lock; `last_seq` counts its events, `open_steps` its unfinished steps,
    `people_steps` those of them that wait for a person, or for a run that does.

    While nothing else is left to happen, `attention_since` says since when. Such a run stays running or paused, but is
    shown as *Needs attention* everywhere (`shown_state`), and only so: filters, tabs and figures count it there and not
    under its state. JSON and CSV keep its state in `status` and say `needs_attention` beside it. Its deadline stands
    meanwhile, as it does in a pause.
    """

    TRANSITIONS: ClassVar = {
        RunState.QUEUED: {RunState.RUNNING, RunState.PAUSED, RunState.STOPPING, *RUN_FINAL},
        RunState.RUNNING: {RunState.WAITING_APPROVAL, RunState.PAUSED, RunState.STOPPING, *RUN_FINAL},
        RunState.WAITING_APPROVAL: {RunState.RUNNING, RunState.PAUSED, RunState.STOPPING, *RUN_FINAL},
        RunState.PAUSED: {RunState.QUEUED, RunState.RUNNING, RunState.STOPPING, *RUN_FINAL},
        RunState.STOPPING: {RunState.CANCELLED, RunState.TIMED_OUT},
    }

    # No index of their own: those of the list begin with project, workflow and agent.
    project = models.ForeignKey(Project, models.CASCADE, related_name="runs", db_index=False)
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="runs", db_index=False)
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="runs")
    definition = models.JSONField(null=True, help_text="The specification of a test run; others use their version's.")
    pins = models.JSONField(default=dict, help_text="Tool and agent name -> revision id at the start.")
    state = models.CharField(max_length=24, choices=RunState, default=RunState.QUEUED)
    environment = models.CharField(max_length=16, choices=Environment, default=Environment.DEV)
    trigger = models.CharField(max_length=16, choices=Trigger, default=Trigger.MANUAL)
    agent = models.ForeignKey(Agent, models.SET_NULL, null=True, related_name="runs", db_index=False)
    tags = ArrayField(models.CharField(max_length=50), default=list)
    inputs = models.JSONField(default=dict)
    outputs = models.JSONField(null=True)
    error = models.JSONField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    # What of these the runs cost that its steps started. Most runs start none: their rows need no change.
    children_cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    children_input_tokens = models.BigIntegerField(default=0, db_default=0)
    children_output_tokens = models.BigIntegerField(default=0, db_default=0)
    is_counted = models.BooleanField(
        default=False, db_default=False, help_text="The step that started it has its cost."
    )
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    heartbeat_seconds = models.PositiveIntegerField(null=True, help_text="How often a run elsewhere says it lives.")
    created_by = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries")
    replayed_from = models.CharField(max_length=63, blank=True, default="", db_default="", help_text="Key of a step.")
    # Of a run that a step started, the run of that step, with which it goes, and the step: see `StepRun`.
    parent_run = models.ForeignKey("self", models.CASCADE, null=True, related_name="child_runs", db_index=False)
    parent_step = models.ForeignKey(
        "StepRun", models.DO_NOTHING, null=True, related_name="children", db_constraint=False, db_index=False
    )
    last_seq = models.IntegerField(default=0)
    last_line = models.IntegerField(default=0)
    open_steps = models.IntegerField(default=0)
    people_steps = models.IntegerField(default=0, db_default=0)
    attention_since = models.DateTimeField(null=True)
    control_by = models.CharField(max_length=200, blank=True)
    control_reason = models.CharField(max_length=500, blank=True)
    pause_cause = models.CharField(max_length=8, choices=PauseCause, blank=True, default="", db_default="")
    pause_requested_at = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            list_index("run_list", "project"),
            list_index("run_list_by_state", "project", "state"),
            list_index("run_list_by_trigger", "project", "trigger"),
            list_index("run_list_by_environment", "project", "environment"),
            list_index("run_list_by_workflow", "workflow"),
            list_index("run_list_by_agent", "agent", condition=Q(agent__isnull=False)),
            models.Index(fields=["-created_at", "-id"], name="run_list_everywhere"),
            models.Index(
                fields=["project", "ended_at"],
                name="run_ended_in_project",
                include=["state", "started_at", "trigger"],
                condition=Q(ended_at__isnull=False),
            ),
            models.Index(
                fields=["workflow", "ended_at"],
                name="run_ended_in_workflow",
                include=["state", "started_at", "trigger"],
                condition=Q(ended_at__isnull=False),
            ),
            models.Index(
                fields=["project", "-ended_at"], name="run_went_wrong", condition=Q(state__in=["failed", "timed_out"])
            ),
            models.Index(fields=["state"], name="run_live", condition=Q(state__in=RUN_LIVE)),
            models.Index(
                fields=["deadline_at"],
                name="run_deadlines",
                condition=Q(state__in=RUN_LIVE, deadline_at__isnull=False),
            ),
            models.Index(
                fields=["parent_run", "parent_step"], name="run_children", condition=Q(parent_run__isnull=False)
            ),
            models.Index(
                fields=["parent_step"],
                name="run_live_children",
                condition=Q(state__in=RUN_LIVE, parent_step__isnull=False),
            ),
            models.Index(
                fields=["parent_step"],
                name="run_uncounted_children",
                condition=Q(ended_at__isnull=False, parent_step__isnull=False, is_counted=False),
            ),
            list_index("run_needs_attention", "project", condition=Q(attention_since__isnull=False)),
            models.Index(fields=["id"], name="run_asks_people", condition=Q(people_steps__gt=0)),
            GinIndex(fields=["tags"], name="run_tags", fastupdate=False),
            list_index("run_list_by_starter", "project", "created_by"),
            # Both of failed runs alone: others pay nothing for them.
            models.Index(
                F("project"),
                KeyTextTransform("type", "error"),
                F("created_at").desc(),
                F("id").desc(),
                "state",
                name="run_list_by_error",
                condition=Q(error__isnull=False),
            ),
            GinIndex(
                Words(KeyTextTransform("message", "error")),
                name="run_error_words",
                fastupdate=False,
                condition=Q(error__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=RUN_LIVE, ended_at__isnull=True) | Q(state__in=RUN_FINAL, ended_at__isnull=False),
                name="run_has_an_end_when_final",
            ),
            models.CheckConstraint(condition=Q(open_steps__gte=0), name="run_counts_its_steps"),
            models.CheckConstraint(
                condition=Q(version__isnull=False) | Q(definition__isnull=False), name="run_has_a_definition"
            ),
            models.CheckConstraint(
                condition=Q(people_steps__gt=0, state__in=MAY_NEED_ATTENTION)
                | Q(attention_since__isnull=True, people_steps__gte=0),
                name="run_needs_attention_of_somebody",
            ),
            models.CheckConstraint(condition=KNOWS_ITS_PARENT, name="run_of_a_step_knows_its_run"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def document(self) -> dict:
        """The specification that this run follows, whatever happens to the workflow later."""
        return (self.definition or {}) if self.version is None else self.version.document

    @property
    def is_final(self) -> bool:
        return self.state in RUN_FINAL

    @property
    def own_cost_usd(self) -> Decimal:
        """Without what the runs cost that it started, which are counted by themselves."""
        return self.cost_usd - self.children_cost_usd

    @property
    def own_input_tokens(self) -> int:
        return self.input_tokens - self.children_input_tokens

    @property
    def own_output_tokens(self) -> int:
        return self.output_tokens - self.children_output_tokens

    @property
    def needs_attention(self) -> bool:
        return self.attention_since is not None

    @property
    def shown_state(self) -> str:
        """The word by which people know how it stands."""
        return NEEDS_ATTENTION if self.needs_attention else str(self.state)

    @property
    def duration(self) -> timedelta | None:
        """From start to end, or to now while it runs; None before it started."""
        if self.started_at is None:
            return None
        return (self.ended_at or timezone.now()) - self.started_at

    @property
    def duration_ms(self) -> int | None:
        return None if self.duration is None else int(self.duration.total_seconds() * 1000)


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


class Call(models.Model):
    """One call that ended, of a tool, an agent or an instance: an attempt of a step, or what `caller`'s model called.

    `outcome` is succeeded, cancelled, or the kind of its failure. Written once, when the attempt ends.
    What an agent cost includes what its tools cost. `instance` is the database that a query or an SQL tool asked;
    `model` the one that an agent worked with.
    """

    # Without constraints in the database: figures must never lock the rows that every worker reads.
    tool = models.ForeignKey(Tool, models.CASCADE, null=True, related_name="+", db_constraint=False, db_index=False)
    agent = models.ForeignKey(Agent, models.CASCADE, null=True, related_name="+", db_constraint=False, db_index=False)
    caller = models.ForeignKey(Agent, models.CASCADE, null=True, related_name="+", db_constraint=False, db_index=False)
    instance = models.ForeignKey(
        Instance, models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    run = models.ForeignKey(Run, models.CASCADE, related_name="calls")
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    environment = models.CharField(max_length=16, choices=Environment, blank=True, default="", db_default="")
    model = models.CharField(max_length=200, blank=True, default="", db_default="")
    is_test = models.BooleanField(default=False, db_default=False, help_text="In a test run, which figures leave out.")
    ended_at = models.DateTimeField()
    duration_ms = models.IntegerField()
    outcome = models.CharField(max_length=63)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["agent", "ended_at"],
                name="call_of_one_agent",
                include=[
                    *("duration_ms", "outcome", "cost_usd", "input_tokens", "output_tokens", "workflow", "run"),
                    "is_test",
                ],
                condition=Q(agent__isnull=False),
            ),
            models.Index(
                fields=["tool", "ended_at"],
                name="call_of_one_tool",
                include=["duration_ms", "outcome", "cost_usd", "workflow", "caller", "is_test"],
                condition=Q(tool__isnull=False),
            ),
            models.Index(
                fields=["instance", "ended_at"], name="call_of_one_instance", condition=Q(instance__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(tool__isnull=True) | Q(agent__isnull=True), name="call_is_not_of_a_tool_and_an_agent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool or self.agent or self.instance}: {self.outcome} in {self.duration_ms} ms"


class LogChunk(models.Model):
    """Up to 100 log lines of one attempt. `first_line` numbers them through the run, from 1, without gaps.

    `lines` is a list of {"at", "level", "text"}.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="log_chunks")
    step = models.ForeignKey(
        StepRun, models.DO_NOTHING, null=True, related_name="log_chunks", db_constraint=False, db_index=False
    )
    attempt_no = models.IntegerField()
    first_line = models.IntegerField()
    count = models.IntegerField()
    lines = models.JSONField()

    class Meta:
        ordering = ["first_line"]
        constraints = [models.UniqueConstraint(fields=["run", "first_line"], name="one_chunk_per_first_line")]

    def __str__(self) -> str:
        return f"lines {self.first_line} to {self.first_line + self.count - 1} of run {self.run_id}"


class Artifact(models.Model):
    """A file that a step made, kept in Django's storage."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts")
    step = models.ForeignKey(StepRun, models.DO_NOTHING, related_name="artifacts", db_constraint=False)
    attempt_no = models.IntegerField()
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField(help_text="bytes")
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=300)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["file"], name="artifact_file")]

    def __str__(self) -> str:
        return self.name

    @property
    def project(self) -> Project:
        return self.run.project


@receiver(post_delete, sender=Artifact)
def delete_file(instance: Artifact, **_: object) -> None:
    """However the row goes, alone or with its run, workflow or project: its file goes with it, once that is certain."""
    transaction.on_commit(partial(delete_unless_shared, instance.file.storage, str(instance.file.name)), robust=True)


def delete_unless_shared(storage: Storage, name: str) -> None:
    """A run and its replays share the files of the steps that were taken over."""
    if not Artifact.objects.filter(file=name).exists():
        storage.delete(name)


# So many heartbeats a worker may miss before it counts as silent.
BEATS_UNTIL_STALE = 3
# A worker that is this long gone is forgotten.
WORKERS_KEPT = timedelta(hours=1)


class Worker(models.Model):
    """A process that executes steps. `boot` changes at every start: it tells an earlier life apart."""

    name = models.CharField(max_length=100, unique=True)
    boot = models.CharField(max_length=20)
    # Machine, process and its start: who asks on the same machine can tell whether it still runs.
    life = models.CharField(max_length=200, default="", db_default="")
    queue = models.CharField(max_length=20)
    slots = models.IntegerField()
    busy = models.IntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stale(self) -> bool:
        """Whether it has been silent for too long."""
        silent = timedelta(seconds=settings.ENGINE_HEARTBEAT_SECONDS * BEATS_UNTIL_STALE)
        return self.seen_at < timezone.now() - silent
