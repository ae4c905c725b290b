"""The side of who asks: a row for the worker, within limits; then what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from agents.calls.context import Answer
from agents.calls.trial import CallFailed
from agents.models import Agent, Instance, Tool, Trial, TrialState, TrialSubject
from agents.trials import carrying, outcomes
from agents.trials.alive import alive, overdue, waiting
from agents.trials.awaiting import until
from controlplane.domain.errors import NotAllowed, ProblemError, Unavailable
from controlplane.later import Awaited, Errand, can_await
from controlplane.operations.carrying.actors import owner_of
from controlplane.projects.models import Project
from controlplane.projects.tenants.actors import Actor

RETRY_AFTER_SECONDS = 10
NO_WORKER = "No worker is free to do this now. Try again in a moment; where this stays so, start another worker."


class TooManyTrials(ProblemError):
    status = 429
    code = "too_many_trials"
    title = "Too many tests at once"


class WorkerLost(CallFailed):
    code = "worker_lost"
    title = "The worker was lost"


def answer_of(request: HttpRequest, subject: Tool | Agent, *, input: Any, by: Actor) -> tuple[Answer, int]:
    """What a worker got for the call, and the milliseconds it took.

    Raises Awaited as long as it is not there; then what `actions.try_tool` raises, TooManyTrials, Unavailable.
    """
    return outcomes.answer(told(request, subject, {"input": input}, by))


def report_of(request: HttpRequest, instance: Instance, *, by: Actor) -> dict[str, Any]:
    """As `actions.try_instance`; raises as `answer_of`."""
    return told(request, instance, {}, by)["report"]


def examined_for(request: HttpRequest, project: Project, by: Actor) -> Callable[..., tuple[str, dict[str, Any]]]:
    """`connections.examined`, by a worker; what it gives raises as `answer_of`."""

    def examined(project_id: int, engine: str, url: str) -> tuple[str, dict[str, Any]]:
        found = told(request, project, {"engine": engine, "url": url}, by)
        return found["address"], found["report"]

    return examined


def told(request: HttpRequest, subject: Any, given: dict[str, Any], by: Actor) -> dict[str, Any]:
    refuse_below_role(subject, by)
    if not can_await(request):
        return done_here(ask(subject, given=given, by=by))
    if request.errand is None:  # type: ignore[attr-defined]
        raise Awaited(lambda: errand_of(ask(subject, given=given, by=by)))
    return collected(request.errand.key)  # type: ignore[attr-defined]


def refuse_below_role(subject: Any, by: Actor) -> None:
    """As the actions that the worker calls: connections are examined for who may store them."""
    role, project = ("editor", subject) if isinstance(subject, Project) else ("operator", subject.project)
    if not by.may(role, project):
        raise NotAllowed(f"This needs the role {role} in this project.")


def errand_of(trial: Trial) -> Errand:
    return Errand(trial.pk, until=lambda: until(trial.pk), abandon=lambda: abandon(trial.pk))


def ask(subject: Any, *, given: dict[str, Any], by: Actor) -> Trial:
    """A row that waits for a worker. Raises NotAllowed, TooManyTrials."""
    refuse_below_role(subject, by)
    project = getattr(subject, "project", subject)
    kind = TrialSubject.CONNECTION if subject is project else TrialSubject(subject._meta.model_name)
    trial = Trial(project=project, subject=kind, **owner_of(by))
    trial.subject_id = None if subject is project else subject.pk
    trial.given = outcomes.sealed(trial, given)
    with transaction.atomic():
        one_at_a_time(trial)
        refuse_beyond_limits(trial)
        trial.save(force_insert=True)
    return trial


def one_at_a_time(trial: Trial) -> None:
    """Who asks at the same moment waits here, so that nobody passes the limits.

    Rows, which only the portal can lock: an advisory lock could be held by whoever reads this database.
    """
    people = get_user_model()._default_manager.filter(pk__in=[trial.user_id] if trial.user_id else [])
    for rows in (people, Project.objects.filter(pk=trial.project_id)):
        list(rows.select_for_update(no_key=True).values_list("pk"))


def refuse_beyond_limits(trial: Trial) -> None:
    """Raises TooManyTrials, of this person or in this project, with `limit`, `running` and `retry_after` (seconds)."""
    live = Trial.objects.filter(alive())
    if trial.user_id is not None:
        mine = live.filter(user_id=trial.user_id).count()
        refuse(mine, settings.TRIALS_A_PERSON, f"{mine} of your tests run now")
    ours = live.filter(project_id=trial.project_id).count()
    refuse(ours, settings.TRIALS_A_PROJECT, f"{ours} tests run now in this project")


def refuse(running: int, most: int, said: str) -> None:
    if running >= most:
        detail = f"{said}, and {most} may at once. Wait until one has ended, then try again."
        raise TooManyTrials(detail, limit=most, running=running, retry_after=RETRY_AFTER_SECONDS)


def done_here(trial: Trial) -> dict[str, Any]:
    """Where nobody can wait for a worker, by the thread that asks."""
    taken = Trial.objects.filter(pk=trial.pk).update(state=TrialState.RUNNING, taken_at=Now(), beaten_at=Now())
    assert taken
    carrying.run_trial(trial)
    return collected(trial.pk)


def collected(pk: Any) -> dict[str, Any]:
    """What came of it, once; the row goes. Raises what was raised there, or says why there is no answer."""
    trial = Trial.objects.filter(pk=pk).first()
    if trial is None:
        raise Unavailable("This test was taken out before it ended. Try again.")
    if trial.state == TrialState.DONE:
        Trial.objects.filter(pk=pk).delete()
        return outcomes.opened(trial, trial.outcome)
    is_waiting = Trial.objects.filter(waiting(), pk=pk).exists()
    is_overdue = Trial.objects.filter(overdue(), pk=pk).exists()
    abandon(pk)
    if trial.state == TrialState.QUEUED and not is_waiting:
        raise Unavailable(NO_WORKER, retry_after=RETRY_AFTER_SECONDS)
    if is_overdue:
        seconds = settings.TRIAL_SECONDS
        raise CallFailed(f"It did not end within {seconds} s, nor heed its time limit.", code="timeout")
    raise WorkerLost("The worker that did this was lost. Whether the call took effect is not known.")


def abandon(pk: Any) -> None:
    """Nobody waits for it any more: what runs is asked to stop, the rest is taken out."""
    Trial.objects.filter(Q(state=TrialState.QUEUED) | Q(state=TrialState.DONE), pk=pk).delete()
    Trial.objects.filter(pk=pk, state=TrialState.RUNNING).update(unwanted=True)
