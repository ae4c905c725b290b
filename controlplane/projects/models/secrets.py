"""Values that only the executor reads."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from controlplane.domain.redaction import SHORTEST_SECRET
from controlplane.projects.models.tenants import Project, ProjectScoped
from controlplane.projects.secrets import encryption


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
