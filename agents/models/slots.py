"""How many calls of an entry may run at once, and in a minute."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


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
