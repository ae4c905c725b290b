"""What steps leave behind: lines of logs and files."""

from __future__ import annotations

from functools import partial

from django.core.files.storage import Storage
from django.db import models, transaction
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.dispatch import receiver

from controlplane.projects.models import Project
from runs.models.run import Run
from runs.models.step import StepRun


class LogChunk(models.Model):
    """Up to 100 log lines of one attempt. `first_line` numbers them through the run, from 1, without gaps.

    `lines` is a list of {"at", "level", "text"}.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="log_chunks")
    step = models.ForeignKey(
        StepRun, models.DO_NOTHING, null=True, related_name="log_chunks", db_constraint=False, db_index=False
    )
    attempt_no = models.IntegerField()
    first_line = models.IntegerField()
    count = models.IntegerField()
    lines = models.JSONField()

    class Meta:
        ordering = ["first_line"]
        constraints = [models.UniqueConstraint(fields=["run", "first_line"], name="one_chunk_per_first_line")]

    def __str__(self) -> str:
        return f"lines {self.first_line} to {self.first_line + self.count - 1} of run {self.run_id}"


class Artifact(models.Model):
    """A file that a step made, kept in Django's storage."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts")
    step = models.ForeignKey(StepRun, models.DO_NOTHING, related_name="artifacts", db_constraint=False)
    attempt_no = models.IntegerField()
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField(help_text="bytes")
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=300)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["file"], name="artifact_file")]

    def __str__(self) -> str:
        return self.name

    @property
    def project(self) -> Project:
        return self.run.project


@receiver(post_delete, sender=Artifact)
def delete_file(instance: Artifact, **_: object) -> None:
    """However the row goes, alone or with its run, workflow or project: its file goes with it, once that is certain."""
    transaction.on_commit(partial(delete_unless_shared, instance.file.storage, str(instance.file.name)), robust=True)


def delete_unless_shared(storage: Storage, name: str) -> None:
    """A run and its replays share the files of the steps that were taken over."""
    if not Artifact.objects.filter(file=name).exists():
        storage.delete(name)
