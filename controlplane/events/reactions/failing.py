"""What becomes of a reaction that raises: tried again by the database's clock, then the event is set aside."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta

from django.db.models.functions import Now

from controlplane.events.models import Event, ReactionCursor, SetAside
from controlplane.events.reactions.declared import Reaction

logger = logging.getLogger(__name__)
LONGEST_ERROR = 4000


def settle(cursor: ReactionCursor, reaction: Reaction, event: Event, error: Exception) -> bool:
    """Count it. True when the event was set aside, so that those behind it go on; else it is due again later."""
    cursor.failures = cursor.failures + 1 if cursor.failing_id == event.pk else 1
    cursor.failing_id, cursor.failures_total = event.pk, cursor.failures_total + 1
    cursor.last_error = described(error)
    said = {"action": "reaction_failed", "reaction": reaction.name, "event_id": event.pk, "tries": cursor.failures}
    if cursor.failures < reaction.retry.tries:
        logger.warning("A reaction failed", extra=said | {"error": repr(error)[:500]})
        cursor.next_try_at = Now() + timedelta(seconds=reaction.retry.pause_after(cursor.failures))
        return False
    logger.error("An event was set aside", extra=said | {"error": repr(error)[:500]})
    set_aside(cursor, event)
    return True


def set_aside(cursor: ReactionCursor, event: Event) -> SetAside:
    """Keep the event apart with the error that the cursor shows. The caller lets the cursor pass by."""
    facts = {"project_id": event.project_id, "type": event.type, "error": cursor.last_error}
    return SetAside.objects.update_or_create(reaction=cursor, event_id=event.pk, defaults=facts)[0]


def described(error: Exception) -> str:
    """What it says first, then where it came from; the end of a long one is cut."""
    where = "".join(traceback.format_tb(error.__traceback__))
    text = f"{type(error).__name__}: {error}\n\n{where}".replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "backslashreplace").decode()[:LONGEST_ERROR]
