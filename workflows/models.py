"""What to do: workflows and their versions."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject, Now

from controlplane.domain.errors import InvalidInput
from controlplane.domain.states import StatefulModel
from controlplane.projects.models import Project, ProjectScoped, valid_name
from workflows.specification.language import parse


class WorkflowQuerySet(ProjectScoped):
    def for_list(self):
        """Without large columns; with `has_draft`, and `last_run` as {"id", "state", "created_at"} or None."""
        rows = self.select_related("project", "current")
        rows = rows.defer("current__document", "current__text", "current__uses")
        here = OuterRef("pk")
        return rows.annotate(has_draft=Exists(drafts_of(here)), last_run=Subquery(last_run_of(here)))

    def live(self):
        return self.filter(archived_at=None)


def drafts_of(workflow) -> models.QuerySet[Version]:
    return Version.objects.filter(workflow=workflow, state=VersionState.DRAFT)


def last_run_of(workflow) -> models.QuerySet:
    """Runs are known one layer up; the relation leads there without an import."""
    runs = Workflow._meta.get_field("runs").related_model._default_manager.filter(workflow=workflow)
    facts = JSONObject(id="id", state="state", created_at="created_at")
    return runs.order_by("-created_at", "-id").values(facts=facts)[:1]


class Workflow(models.Model):
    """A named DAG of steps. `current` is the released version that runs start; none before the first release.

    `edits` counts every change of its details and its draft, so that a second editor is noticed.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="workflows")
    name = models.CharField(max_length=63, validators=[valid_name])
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    current = models.ForeignKey("Version", models.PROTECT, null=True, related_name="+", editable=False)
    edits = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=200, blank=True, editable=False)

    objects = WorkflowQuerySet.as_manager()

    # Set by for_list().
    has_draft: bool
    last_run: dict[str, Any] | None

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_workflow_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """archived, released, or draft while nothing was released."""
        if self.archived_at:
            return "archived"
        return "released" if self.current_id else "draft"

    def find_draft(self) -> Version | None:
        return self.versions.filter(state=VersionState.DRAFT).first()


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    RELEASED = "released", "Released"
    RETIRED = "retired", "Retired"


class Version(StatefulModel):
    """One state of a workflow's specification: draft -> released -> retired. A released one never changes.

    `text` is what was typed (`format` json or yaml), `document` what it says, `uses` what it refers to, such as
    `tool:list-issues`, `agent:triager`, `instance:warehouse`, `workflow:child`.
    """

    TRANSITIONS: ClassVar = {
        VersionState.DRAFT: {VersionState.RELEASED},
        VersionState.RELEASED: {VersionState.RETIRED},
        VersionState.RETIRED: set(),
    }

    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.DRAFT)
    format = models.CharField(max_length=4, choices=[("json", "JSON"), ("yaml", "YAML")], default="yaml")
    text = models.TextField()
    document = models.JSONField(default=dict)
    uses = ArrayField(models.TextField(), default=list, editable=False)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=200, blank=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        indexes = [GinIndex(fields=["uses"], name="version_uses")]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="one_version_per_number"),
            models.UniqueConstraint(
                fields=["workflow"], condition=Q(state=VersionState.DRAFT), name="one_draft_per_workflow"
            ),
            models.UniqueConstraint(
                fields=["workflow"], condition=Q(state=VersionState.RELEASED), name="one_released_version_per_workflow"
            ),
            models.CheckConstraint(
                condition=Q(state=VersionState.DRAFT) | Q(released_at__isnull=False),
                name="released_version_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow.name} v{self.number}"

    @property
    def project(self) -> Project:
        return self.workflow.project

    @cached_property
    def specification(self) -> dict[str, Any]:
        """What the text says, in the order it was typed; `document` comes back from the database in another."""
        try:
            return parse(self.text)
        except InvalidInput:
            return self.document
