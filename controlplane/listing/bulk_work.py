"""Carrying out a bulk job: one transaction a row, which holds the change and its outcome, or neither."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from controlplane.domain.action import Actor
from controlplane.domain.database import is_away
from controlplane.domain.errors import NotFound, ProblemError
from controlplane.jobs.actors import actor_of
from controlplane.jobs.models import Job, JobRow, RowState
from controlplane.jobs.work import BROKEN, Work
from controlplane.listing.known import find_listing

logger = logging.getLogger(__name__)
Outcome = tuple[str, str, Any]


def carry_out(job: Job, work: Work) -> None:
    """Do what is left. Whoever dies between two rows leaves nothing half done, and the next one goes on there."""
    listing, actor = find_listing(job.subject), actor_of(job)
    verb = listing.bulk_action(job.action)
    if verb is None:
        raise NotFound("There is no such action on this list any more.")
    rows = listing.rows(actor).defer(None)
    position = 0
    while work.goes_on():
        following = do_next(job, rows, verb, by=actor, after=position)
        if following is None and not position:
            work.settle()
            return
        # Once more from the start, for what others had taken and gave back.
        position = following or 0


def do_next(job: Job, rows: QuerySet, verb: Callable[..., Any], *, by: Actor, after: int = 0) -> int | None:
    """The next row that nobody has; its position, or None when there is none.

    Going on `after` the last one spares PostgreSQL the way through all that are done.
    """
    with transaction.atomic():
        waiting = JobRow.objects.select_for_update(skip_locked=True).filter(job=job.pk, state=RowState.PENDING)
        one = waiting.filter(position__gt=after).order_by("position").first()
        if one is None:
            return None
        arguments = job.arguments if one.arguments is None else one.arguments
        one.state, one.detail, one.changed = act_on_one(rows, one.object_id, verb, by=by, arguments=arguments)
        one.save(update_fields=["state", "detail", "changed"])
    return one.position


def act_on_one(
    rows: QuerySet, pk: int, verb: Callable[..., Any], *, by: Actor, arguments: dict[str, Any] | None = None
) -> Outcome:
    """(state, why it was refused, what an undo would take back). The row is read afresh just before."""
    try:
        row = rows.filter(pk=pk).first()
        if row is None:
            return RowState.REFUSED, "It does not exist any more.", None
        changed = verb(row, by=by, **(arguments or {}))
        return RowState.DONE, "", changed if verb.undo and verb.takes else None  # type: ignore[attr-defined]
    except ProblemError as problem:
        return RowState.REFUSED, problem.detail, None
    except Exception as error:
        if is_away(error):
            raise
        extra = {"action": "bulk_failed", "verb": verb.__name__, "row": pk}
        logger.exception("A bulk action failed on one row", extra=extra)
        return RowState.REFUSED, BROKEN, None
