"""How people are invited, and letters that wait to be sent."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from controlplane.projects.models.tenants import Project, ProjectScoped, Role

OPEN = models.Q(accepted_at=None, revoked_at=None, expires_at__gt=Now())


class InvitationQuerySet(ProjectScoped):
    def open(self):
        """Those that can still be accepted."""
        return self.filter(OPEN)


class Invitation(models.Model):
    """A way into one project for one e-mail address, once, until `expires_at`. The link is signed, not stored."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invited_role_is_known")]

    def __str__(self) -> str:
        return self.email


class Letter(models.Model):
    """An e-mail that waits to be sent; `message` is its JSON, sealed. It is gone once the server took it."""

    message = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), db_index=True)
    rung_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Letter {self.pk}"
