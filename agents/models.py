"""Who does the work and with what: agents, tools, instances; and the slots that bound how much at once."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from controlplane.projects.models import ApiToken, Project, ProjectScoped, valid_name

LARGE = {"config", "input_schema", "output_schema", "sealed_url", "check_report"}


def from_one_to(most: int) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(1), MaxValueValidator(most)]


class CatalogueQuerySet(ProjectScoped):
    def for_list(self):
        """Without the large columns: a list does not show them."""
        large = [field.name for field in self.model._meta.fields if field.name in LARGE]
        return self.select_related("project").defer(*large)


class Catalogued(models.Model):
    """What agents, tools and instances share: a name that is unique in the project, tags, and who wrote it when.

    An editable field is one that people write: what is checked on saving, kept in versions, read and sent over JSON is
    derived from it.
    """

    project: models.ForeignKey[Project, Project]
    project_id: int
    name = models.CharField(max_length=63, validators=[valid_name])
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    enabled = models.BooleanField(default=True)
    max_concurrent = models.PositiveIntegerField(null=True, blank=True, validators=from_one_to(100_000))
    version_no = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=200, blank=True, editable=False)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def written_fields(cls) -> list[models.Field[Any, Any]]:
        """Those that people write, the project aside."""
        fields = cls._meta.concrete_fields
        return [field for field in fields if field.editable and not field.primary_key and not field.is_relation]

    @classmethod
    def written(cls) -> tuple[str, ...]:
        return tuple(field.name for field in cls.written_fields())


class Probed(models.Model):
    """Whose health is asked for, where `probed` is switched on. `check_report` is that of `agents.calls.probe`."""

    probed = models.BooleanField(default=False, db_default=False, editable=False)
    probe_asked_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    check_report = models.JSONField(null=True, editable=False)

    class Meta:
        abstract = True


class ToolKind(models.TextChoices):
    HTTP = "http", "HTTP"
    FUNCTION = "function", "Function"
    SQL = "sql", "SQL"


class Tool(Catalogued, Probed):
    """A capability with JSON Schema input and output.

    `config` by kind: http {method, url, headers}; function {function: registered name}; sql {instance, sql, max_rows}.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="tools")
    kind = models.CharField(max_length=16, choices=ToolKind)
    config = models.JSONField(default=dict)
    input_schema = models.JSONField(default=dict, blank=True)
    output_schema = models.JSONField(default=dict, blank=True)
    timeout_seconds = models.PositiveIntegerField(default=60, validators=from_one_to(86_400))
    idempotent = models.BooleanField(
        default=False, help_text="Calling it twice with the same key does no harm, so a lost worker may try again."
    )
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=from_one_to(1_000_000))
    burst = models.PositiveIntegerField(
        null=True, blank=True, validators=from_one_to(1_000_000), help_text="Calls at once after a quiet time."
    )

    class Meta(Catalogued.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_tool_per_name"),
            models.CheckConstraint(condition=models.Q(kind__in=ToolKind.values), name="tool_kind_is_known"),
        ]


class AgentKind(models.TextChoices):
    LLM = "llm", "Model"
    HTTP = "http", "HTTP"
    FUNCTION = "function", "Function"


class Agent(Catalogued, Probed):
    """Who does work.

    `config` by kind: llm {base_url, model, api_key, instructions, tools: [names], temperature, max_tokens, max_steps,
    max_cost_usd, input_usd_per_mtok, output_usd_per_mtok, output_schema}; http {method, url, headers};
    function {function: registered name}.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="agents")
    kind = models.CharField(max_length=16, choices=AgentKind)
    config = models.JSONField(default=dict)
    timeout_seconds = models.PositiveIntegerField(default=300, validators=from_one_to(86_400))
    idempotent = models.BooleanField(default=False)
    # A replica is a place in the agent's slot: `max_concurrent` says how many there are now.
    min_replicas = models.PositiveIntegerField(null=True, editable=False)
    max_replicas = models.PositiveIntegerField(null=True, editable=False)
    scaled_at = models.DateTimeField(null=True, editable=False)
    scale_reason = models.CharField(max_length=300, blank=True, default="", db_default="", editable=False)

    class Meta(Catalogued.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_agent_per_name"),
            models.CheckConstraint(condition=models.Q(kind__in=AgentKind.values), name="agent_kind_is_known"),
        ]


class Revision(models.Model):
    """How a tool or an agent was configured at one version: what a run pins. Never changes."""

    tool = models.ForeignKey(Tool, models.CASCADE, null=True, related_name="revisions")
    agent = models.ForeignKey(Agent, models.CASCADE, null=True, related_name="revisions")
    number = models.PositiveIntegerField()
    snapshot = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["tool", "number"], name="one_revision_per_tool_and_number"),
            models.UniqueConstraint(fields=["agent", "number"], name="one_revision_per_agent_and_number"),
            models.CheckConstraint(
                condition=models.Q(tool__isnull=True) ^ models.Q(agent__isnull=True),
                name="revision_is_of_a_tool_or_an_agent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool or self.agent} version {self.number}"

    @property
    def specification(self) -> dict:
        return self.snapshot

    @property
    def text(self) -> str:
        """As people compare it."""
        return json.dumps(self.snapshot, indent=2, sort_keys=True, ensure_ascii=False)


class Environment(models.TextChoices):
    """Where a run belongs, and which deployment of an agent serves it."""

    DEV = "dev", "Dev"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class Deployment(models.Model):
    """Which revision of an agent serves the runs of an environment from then on; the latest one counts."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="deployments", db_index=False)
    environment = models.CharField(max_length=16, choices=Environment)
    revision = models.ForeignKey(Revision, models.CASCADE, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    deployed_at = models.DateTimeField(db_default=Now())
    deployed_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["agent", "environment", "-id"], name="deployment_in_force")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(environment__in=Environment.values), name="deployment_environment_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.revision} in {self.environment}"


class Engine(models.TextChoices):
    POSTGRES = "postgres", "PostgreSQL"
    SQLITE = "sqlite", "SQLite file"
    DUCKDB = "duckdb", "CSV or Parquet files"


class Instance(Catalogued):
    """A database that queries run against, read-only. `sealed_url` is its connection; nothing shows it again.

    `address` is what may be shown: the URL without user and password, or the file path.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="instances")
    engine = models.CharField(max_length=16, choices=Engine)
    sealed_url = models.TextField(editable=False)
    address = models.CharField(max_length=500, editable=False)
    timeout_seconds = models.PositiveIntegerField(default=60, validators=from_one_to(3_600))
    checked_at = models.DateTimeField(null=True, editable=False)
    check_report = models.JSONField(null=True, editable=False)

    class Meta(Catalogued.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_instance_per_name"),
            models.CheckConstraint(condition=models.Q(engine__in=Engine.values), name="instance_engine_is_known"),
        ]

    @property
    def is_healthy(self) -> bool | None:
        return None if self.check_report is None else bool(self.check_report.get("ok"))


class TrialSubject(models.TextChoices):
    """`connection` is an instance's URL that is examined before it is stored."""

    TOOL = "tool", "Tool"
    AGENT = "agent", "Agent"
    INSTANCE = "instance", "Instance"
    CONNECTION = "connection", "Connection"


class TrialState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"


class Trial(models.Model):
    """Something that a person wants tried and waits for; a worker takes it, and it is gone soon after.

    `given` and `outcome` are JSON, sealed. Whoever works shows with `beaten_at` that it lives; `unwanted` asks it to
    stop. Whose rights count stands as in an Operation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    subject = models.CharField(max_length=16, choices=TrialSubject)
    subject_id = models.BigIntegerField(null=True)
    given = models.TextField()
    state = models.CharField(max_length=16, choices=TrialState, default=TrialState.QUEUED)
    unwanted = models.BooleanField(default=False, db_default=False)
    created_by = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    by_token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    through_token = models.BooleanField(default=False)
    asked_at = models.DateTimeField(db_default=Now())
    taken_at = models.DateTimeField(null=True)
    beaten_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["asked_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=TrialState.values), name="trial_state_is_known"),
            models.CheckConstraint(condition=models.Q(subject__in=TrialSubject.values), name="trial_subject_is_known"),
            models.CheckConstraint(
                condition=models.Q(state=TrialState.QUEUED) ^ models.Q(taken_at__isnull=False, beaten_at__isnull=False),
                name="trial_taken_when_not_queued",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.subject_id or ''} by {self.created_by}"


class Slot(models.Model):
    """How many steps use something now, and how many may. `key` is `tool:7`, `agent:3` or `instance:2`.

    `capacity` and `per_minute` are None where nothing limits them. The bucket of calls a minute holds at most `burst`
    tokens; it held `tokens` at `refilled_at` (see agents/calls/limits.py).
    """

    key = models.CharField(max_length=40, primary_key=True)
    capacity = models.PositiveIntegerField(null=True)
    in_use = models.PositiveIntegerField(default=0)
    per_minute = models.PositiveIntegerField(null=True)
    burst = models.PositiveIntegerField(default=1, db_default=1)
    tokens = models.FloatField(default=0, db_default=0)
    refilled_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.key}: {self.in_use} of {self.capacity}"
