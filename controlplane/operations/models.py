"""Work on many rows, or on one large file, that goes on when the page is closed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core.files.storage import Storage
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.dispatch import receiver

from controlplane.domain.words import counted
from controlplane.portal.registry import lists, load
from controlplane.projects.models import ApiToken, Project, ProjectScoped


class OperationState(models.TextChoices):
    """A draft was shown and not confirmed yet."""

    DRAFT = "draft", "Draft"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class RowState(models.TextChoices):
    PENDING = "pending", "Pending"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    SKIPPED = "skipped", "Skipped"


# Long enough to see what one did, too short for others to have built on it.
UNDO_FOR = timedelta(minutes=15)
OPERATION_LIVE = [OperationState.QUEUED, OperationState.RUNNING]


# For UNDO_FOR after it has ended, and only once.
UNDOABLE = (
    Q(done__gt=0, ended_at__gt=Now() - UNDO_FOR, undone_by=None) & ~Q(undo_action="") & ~Q(state__in=OPERATION_LIVE)
)


class OperationQuerySet(ProjectScoped):
    def started(self):
        """With `undoable`, so that a list need not ask about each."""
        return self.exclude(state=OperationState.DRAFT).annotate(undoable=UNDOABLE)


class Operation(models.Model):
    """`kind` names who works on it, `subject` the list it is about, `action` the verb.

    draft -> queued -> running -> succeeded | partially_succeeded | failed | cancelled

    `done` and `refused` count rows of `total`; an export has a `file` with its `manifest`. Whoever works holds
    `lease_until`; the database's clock decides, and `attempts` counts whoever took it. `by_token` and `user` are whose
    rights count, as they are when the work begins.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=16)
    subject = models.CharField(max_length=63)
    action = models.CharField(max_length=63)
    label = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=24, choices=OperationState, default=OperationState.DRAFT)
    total = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    through_token = models.BooleanField(default=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    rung_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0, db_default=0)
    worker = models.CharField(max_length=140, blank=True)
    file = models.FileField(upload_to="exports/", blank=True)
    manifest = models.JSONField(null=True)
    undo_action = models.CharField(max_length=63, blank=True)
    undo_of = models.OneToOneField("self", models.SET_NULL, null=True, related_name="undone_by")

    objects = OperationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["project", "-id"], name="operation_list"),
            models.Index(fields=["expires_at"], name="operation_expiry"),
            models.Index(fields=["state"], name="operation_live", condition=Q(state__in=OPERATION_LIVE)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=OperationState.values), name="operation_state_is_known")
        ]

    def __str__(self) -> str:
        return f"Operation {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.state in OPERATION_LIVE

    @property
    def settled(self) -> int:
        return self.done + self.refused

    @property
    def name(self) -> str:
        """`Retry 38 runs`."""
        one = load(lists[self.subject]).one if self.subject in lists else ""
        return f"{self.label} {counted(self.total, self.subject, one)}"

    @property
    def summary(self) -> str:
        """`Retry: 38 done, 2 refused.`"""
        refused = f", {self.refused:,} refused" if self.refused else ""
        left = self.total - self.settled
        rest = f", {left:,} not done" if left and not self.is_live else ""
        return f"{self.label}: {self.done:,} done{refused}{rest}."

    @property
    def can_be_undone(self) -> bool:
        """As UNDOABLE says, now or when `started()` found it."""
        found: bool | None = getattr(self, "undoable", None)
        return Operation.objects.filter(UNDOABLE, pk=self.pk).exists() if found is None else found


@receiver(post_delete, sender=Operation)
def delete_files_of(instance: Operation, **_: object) -> None:
    """However the operation goes, alone or with its project: its files go with it, once that is certain."""
    if instance.kind == "export":
        transaction.on_commit(partial(delete_files, instance.file.storage, f"exports/{instance.pk}"), robust=True)


def delete_files(storage: Storage, folder: str) -> None:
    """The file, one that a worker stored just before it was lost, and their folder."""
    try:
        _, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in [*(f"{folder}/{name}" for name in names), folder]:
        storage.delete(name)


class OperationRow(models.Model):
    """One row of the frozen set, with what became of it. `changed` is what an undo has to take back.

    `attempts` counts the tries of a row that a worker may have been lost over.
    """

    operation = models.ForeignKey(Operation, models.CASCADE, related_name="rows", db_index=False)
    position = models.IntegerField()
    object_id = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=RowState, default=RowState.PENDING, db_default=RowState.PENDING)
    detail = models.TextField(blank=True, default="", db_default="")
    arguments = models.JSONField(null=True)
    changed = models.JSONField(null=True)
    attempts = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["operation", "position"], name="operation_row_pending", condition=Q(state="pending")),
            models.Index(fields=["operation", "state", "position"], name="operation_row_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["operation", "position"], name="one_operation_row_per_position"),
            models.CheckConstraint(condition=Q(state__in=RowState.values), name="operation_row_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.operation}, row {self.position}"
