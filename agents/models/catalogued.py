"""What tools, agents and instances have in common."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from controlplane.projects.models import Project, ProjectScoped, valid_name

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


class Environment(models.TextChoices):
    """Where a run belongs, and which deployment of an agent serves it."""

    DEV = "dev", "Dev"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"
