"""What proves who sends a request, and what was answered to it."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from controlplane.projects.models.tenants import Member, Project, ProjectScoped, Role


class ApiTokenQuerySet(ProjectScoped):
    def with_owner(self):
        """With its project, the owner's account and the owner's present role (`owner_role`, None when they left)."""
        theirs = Member.objects.filter(project=OuterRef("project"), user=OuterRef("created_by")).values("role")
        return self.select_related("project", "created_by").annotate(owner_role=Subquery(theirs))


class ApiToken(models.Model):
    """A script's key to one project. Only a hash of it is kept; `prefix` finds it and is safe to show."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=Role, default=Role.OPERATOR)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    # Set by with_owner().
    owner_role: str | None

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.CheckConstraint(condition=models.Q(role__in=Role.values), name="token_role_is_known")]

    def __str__(self) -> str:
        return f"{self.name} (sp_{self.prefix}…)"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()

    @property
    def role_now(self) -> str:
        """Its role, or its owner's when that is lower; empty when the owner has left. Needs with_owner()."""
        owned = Role.ADMIN if self.created_by.is_superuser else self.owner_role
        return min(self.role, owned, key=Role.values.index) if owned else ""


class SignInQuerySet(models.QuerySet):
    def live(self):
        """Those whose tokens still work: not run out, and no second factor was switched on since."""
        factors = Authenticator.objects.filter(user=OuterRef("user"), created_at__gte=OuterRef("created_at"))
        since = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
        return self.filter(~Exists(since), expires_at__gt=timezone.now())


class SignIn(models.Model):
    """A script's sign-in with a password. Its access and refresh tokens name it, and end with its row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    # Before the password was looked at, so that no factor can be switched on unseen meanwhile.
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    renewed_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField()
    user_agent = models.CharField(max_length=200)

    objects = SignInQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.ip} ({self.user_agent})"


class IdempotencyKey(models.Model):
    """What a create answered, so that a repeated call gets the same answer and makes nothing new."""

    # None: what was made is itself a project.
    project = models.ForeignKey(Project, models.CASCADE, null=True)
    owner = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "owner", "key"], name="one_answer_per_idempotency_key"),
            models.UniqueConstraint(
                fields=["owner", "key"], condition=models.Q(project=None), name="one_answer_per_key_without_project"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Remembered(models.Model):
    """A value of Django's cache (see remembering.py); None in `expires_at` is for ever."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.key
