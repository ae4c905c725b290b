"""Tools, agents and instances."""

from __future__ import annotations

from django.db import models

from agents.models.catalogued import Catalogued, Probed, from_one_to
from controlplane.projects.models import Project


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
