"""What figures count: calls of tools, agents and instances."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from agents.models import Agent, Environment, Instance, Tool
from runs.models.run import Run
from workflows.models import Workflow


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
