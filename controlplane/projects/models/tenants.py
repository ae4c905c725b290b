"""Projects, and who is in them with which role."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Subquery
from django.db.models.functions import Coalesce, Now

from controlplane.projects.models.preferences import Preferences, valid_time_zone

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
