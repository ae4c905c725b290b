"""The tenant boundary: projects, their members, tokens and secrets."""

from __future__ import annotations

import zoneinfo

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from controlplane.domain.redaction import SHORTEST_SECRET
from controlplane.projects.secrets import encryption

# As JSON Schemas write it. Python's `$` would also let a line break at the end pass.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
valid_name = RegexValidator(
    NAME_PATTERN.replace("$", r"\Z"),
    "Use lower-case letters, digits, hyphens and underscores; start with a letter or digit.",
)


class Role(models.TextChoices):
    """Each may do what those before it may."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    APPROVER = "approver", "Approver"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"


def valid_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError("This is not an IANA time zone such as Europe/Berlin.")


class ProjectScoped(models.QuerySet):
    """Rows of a project. Views, API, exports and admin all start from `visible_to`."""

    project_field = "project_id"

    def visible_to(self, who):
        """The rows that an Actor or Access may see."""
        ids = who.project_ids
        return self if ids is None else self.filter(**{f"{self.project_field}__in": ids})

    def one_or_none(self, **lookup):
        """The only row that fits, or None. Unlike `first()` it asks for no order."""
        try:
            return self.get(**lookup)
        except self.model.DoesNotExist:
            return None


class ProjectQuerySet(ProjectScoped):
    project_field = "pk"

    def with_zone_of(self, user):
        """`shown_zone` is the time zone that this person chose, else the project's."""
        theirs = Preferences.objects.filter(user=user).exclude(time_zone="").values("time_zone")
        return self.annotate(shown_zone=Coalesce(Subquery(theirs), "time_zone"))


class Project(models.Model):
    slug = models.SlugField(max_length=63, unique=True, validators=[valid_name])
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[valid_time_zone])
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def project(self) -> Project:
        """A project is in itself, so that actions treat it like everything else."""
        return self


class Member(models.Model):
    """A user in a project, with one role."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProjectScoped.as_manager()

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_user_and_project"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


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


class Theme(models.TextChoices):
    AUTO = "auto", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Preferences(models.Model):
    """What a person chose for themselves. Without a time zone they see each project's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="preferences")
    time_zone = models.CharField(max_length=64, blank=True, default="", validators=[valid_time_zone])
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)

    class Meta:
        verbose_name_plural = "preferences"
        constraints = [models.CheckConstraint(condition=models.Q(theme__in=Theme.values), name="theme_is_known")]

    def __str__(self) -> str:
        return f"Preferences of {self.user}"


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


class Secret(models.Model):
    """A named value that tool, agent and instance configurations may use. Write-only: nothing shows it again."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=63, validators=[RegexValidator(r"^[A-Za-z_][A-Za-z0-9_]{0,62}\Z")])
    sealed = models.TextField(editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=200, editable=False)

    objects = ProjectScoped.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_secret_per_name")]

    @property
    def is_masked(self) -> bool:
        """Whether logs and outputs hide it: earlier versions took values too short to tell from ordinary words."""
        return encryption.size_of(self.sealed) >= SHORTEST_SECRET

    def __str__(self) -> str:
        return self.name


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


class Letter(models.Model):
    """An e-mail that waits to be sent; `message` is its JSON, sealed. It is gone once the server took it."""

    message = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), db_index=True)
    rung_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Letter {self.pk}"
