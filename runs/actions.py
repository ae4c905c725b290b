"""Every verb on runs and steps. The engine does the work under the run's lock; here are the roles and the words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Choices

from agents.models import Agent, Environment
from controlplane.domain.action import Actor, action
from controlplane.domain.errors import InvalidInput
from controlplane.domain.recording import record
from controlplane.domain.tag_form import TagForm
from controlplane.domain.tags import clean_tags, tags_with, tags_without
from runs import events
from runs import refusals as no
from runs.engine import control
from runs.engine.locked import LockedRun, locked_run_or_refuse
from runs.engine.pins import collect
from runs.engine.plan import Plan, plan_of_version
from runs.engine.replay import submit_replay
from runs.engine.submit import RunOrder, submit, submit_all
from runs.models import ReviewOutcome, Run, StepRun, Trigger
from runs.replay.domain import prepare_replay
from runs.start.domain import what_starts
from workflows.models import Workflow
from workflows.specification.language import Spec
from workflows.specification.parameters import check_inputs

# In one call, which is one transaction.
MOST_AT_ONCE = 1000
START = (no.WORKFLOW_ARCHIVED, no.UNRELEASED)
AGAIN = (no.NOT_ENDED, no.ELSEWHERE, no.ARCHIVED)


@action(label="Start run", role="operator", icon="player-play", refused_when=START, holds=None)
def start_run(workflow: Workflow, *, inputs: Mapping[str, Any], by: Actor, **more: Any) -> Run:
    """A new run of the released version; `more` is what `order_for` takes."""
    order = order_for(workflow, by=by, **more)
    return submit(replace(order, inputs=check_inputs(order.plan.spec.params, dict(inputs))))


@action(label="Start runs", role="operator", icon="player-play", refused_when=START, holds=None)
def start_runs(workflow: Workflow, *, inputs: Sequence[Mapping[str, Any]], by: Actor, **more: Any) -> list[Run]:
    """A run for each of `inputs`, at most MOST_AT_ONCE, in that order: all of them or none. Else as `start_run`."""
    if not 1 <= len(inputs) <= MOST_AT_ONCE:
        raise InvalidInput.field("inputs", f"Give 1 to {MOST_AT_ONCE:,} sets of inputs.")
    order = order_for(workflow, by=by, **more)
    return submit_all(order, check_each(order.plan.spec.params, inputs))


def order_for(
    workflow: Workflow,
    *,
    environment: str = Environment.DEV,
    trigger: str = Trigger.MANUAL,
    agent: Agent | None = None,
    tags: Iterable[str] = (),
    draft: bool = False,
    by: Actor,
) -> RunOrder:
    """Everything of new runs but their inputs. With `draft` they are test runs of the draft as it stands."""
    version, plan = what_starts(workflow, draft=draft)
    environment = choice_of(Environment, environment, "environment")
    return RunOrder(
        project=workflow.project,
        workflow=workflow,
        version=None if draft else version,
        definition=version.document if draft else None,
        plan=plan,
        pins=collect(workflow.project_id, plan.spec, agent, environment),
        inputs={},
        environment=environment,
        trigger=Trigger.TEST if draft else choice_of(Trigger, trigger, "trigger"),
        agent=agent,
        tags=clean_tags(tags),
        by=by,
    )


def check_each(params: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Raises InvalidInput with the faults of the first that has any, named `inputs[3].amount`."""
    checked = []
    for number, given in enumerate(inputs):
        try:
            checked.append(check_inputs(params, dict(given)))
        except InvalidInput as refusal:
            where = f"inputs[{number}]"
            errors = [replace(error, field=error.field.replace("inputs", where, 1)) for error in refusal.errors]
            raise InvalidInput(f"{where}: {refusal.detail}", errors=errors) from refusal
    return checked


@action(
    label="Cancel", role="operator", tone="danger", icon="player-stop",
    confirm="Cancel {subject}? Steps that run are interrupted.", refused_when=(no.ENDED, no.STOPPING),
)  # fmt: skip
def cancel_run(run: Run, *, reason: str = "", by: Actor) -> Run:
    run.state = control.request_stop(run.pk, by=by, reason=reason[:500])
    return run


@action(
    label="Pause", role="operator", icon="player-pause",
    refused_when=(no.ENDED, no.ELSEWHERE, no.NOT_PAUSABLE, no.PAUSING),
)  # fmt: skip
def pause_run(run: Run, *, reason: str = "", by: Actor) -> Run:
    run.state = control.request_pause(run.pk, by=by, reason=reason[:500])
    return run


@action(
    label="Resume", role="operator", icon="player-play",
    refused_when=(no.ENDED, no.NOT_PAUSED, no.PARENT_PAUSED, no.TO_REVIEW),
)  # fmt: skip
def resume_run(run: Run, *, by: Actor) -> Run:
    run.state = control.request_resume(run.pk, by=by)
    return run


@action(
    label="Retry", role="operator", icon="refresh", confirm="Start {subject} again with the same inputs?",
    refused_when=AGAIN, holds=None,
)  # fmt: skip
def retry_run(run: Run, *, by: Actor) -> Run:
    """A new run with the same inputs and version; tools and agents as they are configured now."""
    plan = Plan(Spec.from_document(run.document)) if run.version_id is None else plan_of_version(run.version_id)
    return submit(
        RunOrder(
            project=run.project,
            workflow=run.workflow,
            version=run.version,
            definition=run.definition,
            plan=plan,
            pins=collect(run.project_id, plan.spec, run.agent, run.environment),
            inputs=run.inputs,
            environment=run.environment,
            trigger=Trigger.RETRY,
            agent=run.agent,
            tags=run.tags,
            retry_of_id=run.pk,
            by=by,
        )
    )


@action(label="Replay", role="operator", icon="replay", refused_when=AGAIN, holds=None)
def replay_run(
    run: Run, *, step: str, inputs: Mapping[str, Any] | None = None, version: int | None = None, by: Actor
) -> Run:
    """A new run from `step` on. What succeeded before it and still holds is taken over; see `prepare_replay`."""
    replay = prepare_replay(run, step=step, inputs=inputs, version=version)
    order = RunOrder(
        project=run.project,
        workflow=run.workflow,
        version=replay.version,
        definition=None if replay.version else run.definition,
        plan=replay.plan,
        pins=collect(run.project_id, replay.plan.spec, run.agent, run.environment),
        inputs=replay.inputs,
        environment=run.environment,
        trigger=Trigger.REPLAY,
        agent=run.agent,
        tags=run.tags,
        retry_of_id=run.pk,
        replayed_from=step,
        reused=replay.reused,
        by=by,
    )
    return submit_replay(order, run)


@action(label="Resolve", role="operator", icon="checks", refused_when=(no.NOT_TO_REVIEW,), holds=no.run_of)
def resolve_step(step: StepRun, *, outcome: str, output: object = None, note: str = "", by: Actor) -> StepRun:
    """Decide a step whose outcome is unknown: `succeeded` (with an output), `failed`, or `run_again`."""
    if outcome not in ReviewOutcome.values:
        raise InvalidInput.field("outcome", "Choose succeeded, failed or run_again.")
    control.review(step, outcome=outcome, output=output, note=note[:500], by=by)
    step.refresh_from_db()
    return step


@action(label="Send signal", role="operator", icon="webhook", refused_when=(no.NOT_TO_SIGNAL,), holds=no.run_of)
def send_signal(step: StepRun, *, output: object = None, by: Actor) -> StepRun:
    """End a step that waits for a signal; `output`, any JSON, is what later steps read of it."""
    control.send_signal(step, output=output, by=by)
    step.refresh_from_db()
    return step


@action(label="Tag", role="operator", icon="tag", takes=TagForm, undo="remove_tags")
def add_tags(run: Run, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it did not have before."""
    with locked_run_or_refuse(run.pk) as locked:
        run.tags, new = tags_with(locked.tags, tags)
        write_tags(run, locked, by, added=new)
    return new


@action(label="Untag", role="operator", icon="tag", takes=TagForm, undo="add_tags")
def remove_tags(run: Run, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it had."""
    with locked_run_or_refuse(run.pk) as locked:
        run.tags, gone = tags_without(locked.tags, tags)
        write_tags(run, locked, by, removed=gone)
    return gone


def write_tags(run: Run, locked: LockedRun, by: Actor, **changed: list[str]) -> None:
    Run.objects.filter(pk=run.pk).update(tags=run.tags)
    locked.emit(events.TAGGED, actor=by.name, user=by.user_id, **changed)


@action(
    label="Delete", role="admin", tone="danger", icon="trash", confirm="Delete {subject} with its logs for good?",
    refused_when=(no.NOT_ENDED, no.CHILD_RUNS), holds=no.with_what_refers_to,
)  # fmt: skip
def delete_run(run: Run, *, by: Actor) -> None:
    record(events.DELETED, run, by=by, workflow=run.workflow.name)
    run.delete()


def choice_of(choices: type[Choices], value: str, field: str) -> str:
    if value not in choices.values:
        raise InvalidInput.field(field, f"Choose one of {', '.join(choices.values)}.")
    return value
