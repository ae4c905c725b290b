"""Carrying reactions out: the effects of some events and the step of the cursor past them are one transaction.

Any number of processes may do it at once; the row of a reaction is one's alone while it is locked. Whoever dies leaves
nothing half done. In one transaction goes little, since while it is open nobody reads what was committed after it.
"""

from __future__ import annotations

import logging
import time

from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.events.models import Event, ReactionCursor
from controlplane.events.reactions import failing, reading
from controlplane.events.reactions.declared import Reaction, installed

logger = logging.getLogger(__name__)
# A second's sweep has more to do; what is left goes on in the next, or with a worker that was rung.
PASS_SECONDS = 0.5
BATCH, BATCH_SECONDS = 100, 0.25
# PostgreSQL ends a statement of a reaction that waits for a lock, or takes, longer than this.
LIMITS = "SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '5s', true)"


def react(seconds: float = PASS_SECONDS) -> int:
    """Carry on with what waits, each reaction in its turn, until nothing does or the time is over; how many events."""
    done, until = 0, time.monotonic() + seconds
    while installed and (names := reading.waiting(installed.values())):
        passed = 0
        for name in names:
            passed += isolated(installed[name])
            if time.monotonic() >= until:
                return done + passed
        if not passed:
            break
        done += passed
    return done


def isolated(reaction: Reaction) -> int:
    """Whatever breaks around one reaction must not keep the others from theirs. Raises when the database is away."""
    try:
        return carry_on(reaction)
    except Exception as error:
        logger.exception("A reaction broke off", extra={"action": "reaction_broke", "reaction": reaction.name})
        connection.close()
        return after_break(reaction, error)


def carry_on(reaction: Reaction) -> int:
    """The next few events, in one transaction; how many the cursor has passed. 0 when somebody else is at it."""
    with transaction.atomic():
        cursor = locked(reaction)
        if cursor is None:
            return 0
        # After a failure alone, so that what breaks the whole transaction is found.
        events = reading.after(cursor.place, reaction.types, limit=1 if cursor.failures else BATCH)
        passed, until = 0, time.monotonic() + BATCH_SECONDS
        for event in events:
            error = error_of(reaction, event)
            if error is not None and not failing.settle(cursor, reaction, event, error):
                break
            cursor.pass_by(event)
            passed += 1
            if error is not None or time.monotonic() >= until:
                break
        cursor.updated_at = Now()
        cursor.save()
    return passed


def after_break(reaction: Reaction, error: Exception) -> int:
    """The transaction was lost, perhaps with its connection: the next event is taken for what broke it."""
    with transaction.atomic():
        cursor = locked(reaction)
        if cursor is None:
            return 0
        events = reading.after(cursor.place, reaction.types, limit=1)
        passed = [event for event in events if failing.settle(cursor, reaction, event, error)]
        for event in passed:
            cursor.pass_by(event)
        cursor.updated_at = Now()
        cursor.save()
    return len(passed)


def locked(reaction: Reaction) -> ReactionCursor | None:
    """Its row, ours until the transaction ends, unless it is somebody else's, or to be left alone for a while."""
    with connection.cursor() as sql:
        sql.execute(LIMITS)
    free = ReactionCursor.objects.select_for_update(skip_locked=True)
    return free.filter(name=reaction.name, next_try_at__lte=Now()).first()


def error_of(reaction: Reaction, event: Event) -> Exception | None:
    """Let it have its effect, or none at all; what it raised."""
    try:
        with transaction.atomic():
            reaction(event)
            # What only COMMIT would look at is then this event's failure, and not one of all in the transaction. It
            # also refuses a transaction that the function broke and went on with.
            connection.check_constraints()
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        return error
    return None
