"""Carrying out a bulk operation: one transaction a row, which holds the change and its outcome, or neither."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from controlplane.domain.action import Actor, AnyAction
from controlplane.domain.database import is_away
from controlplane.domain.errors import NotFound, ProblemError
from controlplane.listing.declaration.registry import find_listing
from controlplane.operations.carrying.actors import actor_of
from controlplane.operations.carrying.rows import hold, settle, try_next, waiting
from controlplane.operations.carrying.work import BROKEN, Work
from controlplane.operations.models import Operation, OperationRow, RowState

logger = logging.getLogger(__name__)
Outcome = tuple[str, str, Any]
# So many are read at once: few enough that none of them grows old before its turn.
AHEAD = 20
GONE = (RowState.REFUSED, "It does not exist any more.", None)


@dataclass(frozen=True)
class Task:
    """`verb` on `rows` of a list, with the rights of `by`."""

    operation: Operation
    rows: QuerySet
    verb: AnyAction
    by: Actor

    def do(self, chosen: list[OperationRow], work: Work) -> bool:
        """False when the operation is no longer ours, or no longer wanted."""
        subjects = self.rows.in_bulk([one.object_id for one in chosen])
        for one in chosen:
            if not work.still_owned():
                return False
            self.do_one(one, subjects)
        return True

    def do_one(self, one: OperationRow, subjects: Mapping[int, Any]) -> None:
        with transaction.atomic():
            exists = hold(one, self.rows.model)
            if exists is not None:
                settle(one, *(self.outcome_of(one, subjects) if exists else GONE))

    def outcome_of(self, one: OperationRow, subjects: Mapping[int, Any]) -> Outcome:
        arguments = self.operation.arguments if one.arguments is None else one.arguments
        return act_on_one(subjects, one.object_id, self.verb, by=self.by, arguments=arguments)


def work_on_rows(operation: Operation, work: Work) -> None:
    """Do what is left. Whoever dies between two rows leaves nothing half done, and the next one goes on there."""
    listing, actor = find_listing(operation.subject), actor_of(operation)
    verb = listing.bulk_action(operation.action)
    if verb is None:
        raise NotFound("There is no such action on this list any more.")
    task = Task(operation, listing.rows(actor).defer(None), verb, actor)
    if operation.attempts > 1:
        do_suspects(task, work)
    position = 0
    while work.still_owned():
        chosen = waiting(operation, after=position, most=AHEAD)
        if not chosen and not position:
            work.settle()
            return
        task.do(chosen, work)
        # Once more from the start, for what others had taken and gave back.
        position = chosen[-1].position if chosen else 0


def do_suspects(task: Task, work: Work) -> None:
    """The worker before was lost among the next few rows: each is tried alone and counted, so that none is for ever."""
    position = 0
    for _ in range(AHEAD):
        one = try_next(task.operation, after=position) if work.still_owned() else None
        if one is None:
            return
        position = one.position
        if one.state == RowState.PENDING:
            task.do([one], work)


def act_on_one(
    subjects: Mapping[int, Any],
    pk: int,
    verb: AnyAction,
    *,
    by: Actor,
    arguments: dict[str, Any] | None = None,
) -> Outcome:
    """(state, why it was refused, what an undo would take back)."""
    try:
        row = subjects.get(pk)
        if row is None:
            return GONE
        changed = verb(row, by=by, **(arguments or {}))
        return RowState.DONE, "", changed if verb.undo and verb.takes else None
    except ProblemError as problem:
        return RowState.REFUSED, problem.detail, None
    except Exception as error:
        if is_away(error):
            raise
        extra = {"action": "bulk_failed", "verb": verb.name, "row": pk}
        logger.exception("A bulk action failed on one row", extra=extra)
        return RowState.REFUSED, BROKEN, None
