"""One execution of a workflow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import Agent, Environment
from controlplane.domain.states import StatefulModel
from controlplane.listing.declaration.full_text import Words
from controlplane.projects.models import Project, ProjectScoped
from runs.models.states import MAY_NEED_ATTENTION, NEEDS_ATTENTION, RUN_FINAL, RUN_LIVE, PauseCause, RunState, Trigger
from workflows.models import Version, Workflow


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
