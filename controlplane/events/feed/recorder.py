"""Where facts are written: in the caller's transaction, with notices to watchers and reactions after commit."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.domain.action import Actor
from controlplane.events.live import notify
from controlplane.events.models import Event
from controlplane.events.reactions import bell


def record_event(type: str, subject: Any, *, by: Actor, data: dict[str, object]) -> None:
    """One event about `subject` (a model instance with a project) outside of any run's stream."""
    project = subject.project
    Event.objects.create(
        project=project,
        subject_kind=subject._meta.model_name,
        subject_id=subject.pk,
        type=type,
        actor=by.name,
        user_id=getattr(by, "user_id", None),
        data=data,
    )
    transaction.on_commit(lambda: notify_watchers(project.pk, type), robust=True)


def notify_watchers(project_id: int, type: str) -> None:
    notify.notify_project(project_id)
    bell.ring_if_wanted([type])
