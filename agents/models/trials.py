"""One try by hand, carried out by a worker."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from controlplane.projects.models import ApiToken, Project


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
