"""One table, three readings: activity feed, audit trail, and the stream behind the live view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Now

from controlplane.projects.models import Project, ProjectScoped


@dataclass(frozen=True, order=True)
class Cursor:
    """A place in a feed. Text form `XID.ID`."""

    xid: int = 0
    id: int = 0

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that `text` is. Raises ValueError."""
        xid, id = (int(part) for part in text.split("."))
        if not (0 <= xid < 2**64 and 0 <= id < 2**63):
            raise ValueError(text)
        return cls(xid, id)

    def __str__(self) -> str:
        return f"{self.xid}.{self.id}"


class TransactionId(models.Field):
    """PostgreSQL's xid8: the transaction that wrote the row."""

    def db_type(self, connection) -> str:
        return "xid8"

    def from_db_value(self, value, expression, connection) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value):
        return None if value is None else str(value)


class CurrentTransaction(Func):
    function = "pg_current_xact_id"
    output_field = TransactionId()


# What only matters inside of a run stays in the run's own stream: a busy project has thousands of these a minute.
INSIDE = Q(type__startswith="step.") | Q(type="run.logs")


class EventQuerySet(ProjectScoped):
    def activity(self, project_ids: Sequence[int]):
        """The feed of these projects. The condition is that of the index."""
        return self.filter(~INSIDE, project_id__in=project_ids)


class Event(models.Model):
    """A fact. `seq` counts a run's events without gaps; `(xid, id)` orders the feed of a project.

    `subject_kind` and `subject_id` name what it is about (`run` 42); `actor` is a name for people, `user` the account.
    """

    xid = TransactionId(db_default=CurrentTransaction(), editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="events")
    subject_kind = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    seq = models.IntegerField(null=True)
    type = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    data = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-xid", "-id"]
        indexes = [
            models.Index(fields=["project", "xid", "id"], name="event_activity", condition=~INSIDE),
            models.Index(fields=["type", "xid", "id"], name="event_for_reactions"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id", "seq"], name="one_event_per_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject_kind} {self.subject_id}"

    def as_frame(self) -> dict[str, object]:
        """The wire form: {"seq", "type", "at", "data"}."""
        return {"seq": self.seq, "type": self.type, "at": utc_text(self.at), "data": self.data}

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.xid, self.id)

    def as_feed_frame(self) -> dict[str, object]:
        """The wire form in a feed, where the place to go on from is a cursor. Adds project, actor and subject."""
        subject = {"kind": self.subject_kind, "id": self.subject_id, "seq": self.seq}
        place = {"seq": str(self.cursor), "cursor": str(self.cursor)}
        return {**self.as_frame(), **place, "project": self.project_id, "actor": self.actor, "subject": subject}


class ReactionCursor(models.Model):
    """How far a reaction has come: everything up to `(xid, event_id)` has had its effect, or was set aside.

    `failures` counts how often `failing_id`, the event that comes next, was tried in vain. A reaction that has left the
    code keeps its row, and goes on from there should it come back.
    """

    name = models.CharField(max_length=100, unique=True)
    xid = TransactionId()
    # No foreign key: the event may be deleted, the place stays.
    event_id = models.BigIntegerField()
    failures = models.PositiveIntegerField(default=0)
    failing_id = models.BigIntegerField(null=True)
    last_error = models.TextField(blank=True)
    failures_total = models.PositiveBigIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> Cursor:
        return Cursor(self.xid, self.event_id)

    def pass_by(self, event: Event) -> None:
        """It is done with, or set aside."""
        self.xid, self.event_id = event.xid, event.pk
        self.forget_failure()

    def forget_failure(self) -> None:
        self.failures, self.failing_id, self.last_error = 0, None, ""


class SetAside(models.Model):
    """An event that a reaction failed at until those behind it had waited long enough. A person may try it again."""

    reaction = models.ForeignKey(ReactionCursor, models.CASCADE, related_name="set_aside")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    # Without a constraint: deleting a project's million events must not ask this table for each.
    event = models.ForeignKey(Event, models.DO_NOTHING, db_constraint=False, related_name="+")
    type = models.CharField(max_length=64)
    error = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "events set aside"
        constraints = [models.UniqueConstraint(fields=["reaction", "event"], name="set_aside_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id} of {self.reaction}"


def utc_text(at: datetime) -> str:
    """ISO 8601 with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
