"""What was in force, and which version serves where."""

from __future__ import annotations

import json

from django.db import models
from django.db.models.functions import Now

from agents.models.catalogued import Environment
from agents.models.entries import Agent, Tool


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
