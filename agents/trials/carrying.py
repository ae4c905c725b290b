"""The worker's side: take a trial, do it with the rights of who asked, and write down what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from agents import actions
from agents.calls.trial import CallFailed
from agents.instances import connections
from agents.models import Agent, Instance, Tool, Trial, TrialState, TrialSubject
from agents.trials import outcomes
from agents.trials.alive import waiting
from controlplane.domain.action import Actor
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import DATABASE_AWAY, is_away
from controlplane.domain.errors import NotFound, ProblemError, ServerFault, Unavailable
from controlplane.domain.failures import Failure
from controlplane.operations.carrying.actors import actor_of

logger = logging.getLogger(__name__)
# Longer than a restart of PostgreSQL takes.
PATIENCE_SECONDS = 20.0


def claim_trial() -> Trial | None:
    """The oldest that waits, now ours; None when none does."""
    with transaction.atomic():
        trial = Trial.objects.filter(waiting()).select_for_update(skip_locked=True).first()
        if trial is not None:
            mine = Trial.objects.filter(pk=trial.pk)
            mine.update(state=TrialState.RUNNING, taken_at=Now(), beaten_at=Now())
    return trial


def new_token() -> CancelToken:
    return CancelToken(timeout_seconds=settings.TRIAL_SECONDS)


def run_trial(trial: Trial, token: CancelToken | None = None) -> None:
    """From the call to the row that tells of it. Raises only a loss of our own database that lasts."""
    outcome = outcomes.sealed(trial, outcome_of(trial, token or new_token()))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            write_outcome(trial, outcome)
            return
        except DATABASE_AWAY:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def write_outcome(trial: Trial, outcome: str) -> None:
    """`outcome` is sealed. A trial that nobody waits for any more is deleted instead."""
    mine = Trial.objects.filter(pk=trial.pk, state=TrialState.RUNNING)
    mine.filter(unwanted=True).delete()
    mine.update(state=TrialState.DONE, ended_at=Now(), outcome=outcome)


def outcome_of(trial: Trial, token: CancelToken) -> dict[str, Any]:
    """`{answer, duration_ms}`, what else the subject answers, or `{problem}`. Raises nothing."""
    try:
        given = outcomes.opened(trial, trial.given)
        return SUBJECTS[trial.subject](trial, given, actor_of(trial), token)
    except ProblemError as problem:
        return outcomes.of_problem(problem)
    except Failure as failure:
        return outcomes.of_problem(CallFailed(failure.message, code=failure.kind, context=failure.context))
    except Exception as error:
        if is_away(error):
            return outcomes.of_problem(Unavailable("The database was too busy for this. Try again in a moment."))
        logger.exception("A trial broke", extra={"action": "trial_broke", "subject": trial.subject})
        return outcomes.of_problem(ServerFault("The log of the worker has the details."))


def of_tool(trial: Trial, given: dict[str, Any], by: Actor, token: CancelToken) -> dict[str, Any]:
    return outcomes.of_answer(*actions.try_tool(subject_of(Tool, trial), input=given["input"], by=by, token=token))


def of_agent(trial: Trial, given: dict[str, Any], by: Actor, token: CancelToken) -> dict[str, Any]:
    return outcomes.of_answer(*actions.try_agent(subject_of(Agent, trial), input=given["input"], by=by, token=token))


def of_instance(trial: Trial, given: dict[str, Any], by: Actor, token: CancelToken) -> dict[str, Any]:
    return {"report": actions.try_instance(subject_of(Instance, trial), by=by, token=token)}


def of_connection(trial: Trial, given: dict[str, Any], by: Actor, token: CancelToken) -> dict[str, Any]:
    address, report = connections.examined(trial.project_id, given["engine"], given["url"], token)
    return {"address": address, "report": report}


def subject_of(model: Any, trial: Trial) -> Any:
    """Raises NotFound when it was deleted meanwhile."""
    row = model.objects.select_related("project").filter(pk=trial.subject_id, project_id=trial.project_id).first()
    if row is None:
        raise NotFound(f"There is no such {trial.subject} any more.")
    return row


def beat(ids: list[Any]) -> set[Any]:
    """Show that these go on. Returns those that shall not: nobody waits for them, or their row is gone."""
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE agents_trial SET beaten_at = now() WHERE id = ANY(%s) AND state = 'running' RETURNING id, unwanted",
            [ids],
        )
        wanted = {pk for pk, unwanted in cursor.fetchall() if not unwanted}
    return set(ids) - wanted


SUBJECTS: dict[str, Callable[[Trial, dict[str, Any], Actor, CancelToken], dict[str, Any]]] = {
    TrialSubject.TOOL: of_tool,
    TrialSubject.AGENT: of_agent,
    TrialSubject.INSTANCE: of_instance,
    TrialSubject.CONNECTION: of_connection,
}
