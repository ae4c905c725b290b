"""What an administrator does about a reaction that fails. It is no project's, so roles do not come into it."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models.functions import Now

from controlplane.domain.errors import ActionRefused
from controlplane.events.models import Event, ReactionCursor, SetAside
from controlplane.events.reactions import bell, failing
from controlplane.events.reactions.declared import installed
from controlplane.events.reactions.reacting import error_of

logger = logging.getLogger(__name__)


def try_now(cursor: ReactionCursor, *, by: str) -> None:
    """Whatever pause it is in is over."""
    ReactionCursor.objects.filter(pk=cursor.pk).update(next_try_at=Now())
    logger.info("A reaction goes on", extra={"action": "reaction_tried_now", "reaction": cursor.name, "by": by})
    transaction.on_commit(bell.ring_soon, robust=True)


@transaction.atomic
def set_failing_aside(cursor: ReactionCursor, *, by: str) -> None:
    """Go on with what comes behind the event that it fails at. Raises ActionRefused when it fails at none."""
    cursor = ReactionCursor.objects.select_for_update().get(pk=cursor.pk)
    if cursor.failing_id is None:
        raise ActionRefused("It does not fail at any event.")
    event = Event.objects.filter(pk=cursor.failing_id).first()
    if event is not None:
        failing.set_aside(cursor, event)
        cursor.pass_by(event)
    cursor.forget_failure()
    cursor.next_try_at = cursor.updated_at = Now()
    cursor.save()
    said = {"reaction": cursor.name, "event_id": event.pk if event else None, "by": by}
    logger.info("An event was set aside", extra={"action": "reaction_set_aside", **said})
    transaction.on_commit(bell.ring_soon, robust=True)


@transaction.atomic
def react_again(row: SetAside, *, by: str) -> None:
    """Let what was set aside have its effect now, and forget that it was. Raises ActionRefused when it cannot."""
    kept = SetAside.objects.select_for_update().select_related("reaction").filter(pk=row.pk).first()
    event = Event.objects.filter(pk=row.event_id).first()
    reaction = installed.get(row.reaction.name)
    if kept is None or event is None or reaction is None:
        raise ActionRefused("It had its effect meanwhile, or the event or the reaction does not exist any more.")
    error = error_of(reaction, event)
    if error is not None:
        raise ActionRefused(f"It failed again: {error}")
    kept.delete()
    logger.info("An event had its effect late", extra={"action": "reacted_again", "aside": row.pk, "by": by})
