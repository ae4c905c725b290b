"""Runs that a step started: begun once, and their end settles the step. Parents are locked before children."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction

from controlplane.domain.errors import ProblemError
from controlplane.domain.failures import Cancelled, Failure, Misconfigured
from controlplane.projects.tenants.actors import SYSTEM
from runs import events
from runs.engine.advance import Advance
from runs.engine.attention import count_people_steps
from runs.engine.claim import Claimed, run_of
from runs.engine.locked import LockedRun, described, locked_run
from runs.engine.outputs import StorageFailure, store
from runs.engine.pausing import settle_pause
from runs.engine.pins import collect
from runs.engine.plan import plan_of_version
from runs.engine.sql import one
from runs.engine.submit import RunOrder, submit
from runs.engine.waiting import Ending, settle_waiting
from runs.models import RUN_FINAL, Run, RunState, StepRun, StepState, Trigger, WaitsFor
from workflows.models import Workflow
from workflows.specification.parameters import check_inputs

MAX_DEPTH = 10
GOOD_ENDS = {RunState.SUCCEEDED, RunState.PARTIALLY_SUCCEEDED}

# A step costs what its run cost; when that has grown since, so has the step. Returns by how much.
COUNT_CHILD = """
WITH child AS (
    UPDATE runs_run SET is_counted = true WHERE id = %(child)s AND ended_at IS NOT NULL
    RETURNING cost_usd, input_tokens, output_tokens
), before AS (
    SELECT cost_usd, input_tokens, output_tokens FROM runs_steprun WHERE run_id = %(run)s AND id = %(id)s
), step AS (
    UPDATE runs_steprun SET cost_usd = child.cost_usd, input_tokens = child.input_tokens,
        output_tokens = child.output_tokens
    FROM child WHERE runs_steprun.run_id = %(run)s AND runs_steprun.id = %(id)s
)
SELECT child.cost_usd - before.cost_usd AS cost, child.input_tokens - before.input_tokens AS input_tokens,
       child.output_tokens - before.output_tokens AS output_tokens
FROM child, before
"""
ENDED_STEP = """
SELECT id, key, index, state FROM runs_steprun WHERE run_id = %(run)s AND id = %(id)s AND ended_at IS NOT NULL
"""


def start_child(claimed: Claimed, name: str, inputs: Any) -> Run:
    """The run that this step waits for; the one that is there already when an earlier attempt started it.

    Raises Misconfigured when it cannot start, `too_deep`, and Cancelled when the step is not ours any more.
    """
    workflows = Workflow.objects.live().select_related("project", "current")
    workflow = workflows.filter(project_id=claimed.project_id, name=name).first()
    if workflow is None or workflow.current_id is None:
        raise Misconfigured(f"The workflow “{name}” has no released version.")
    if depth_of(claimed.run_id) >= MAX_DEPTH:
        raise Failure(f"Workflows start each other more than {MAX_DEPTH} deep.", kind="too_deep", retryable=False)
    try:
        with transaction.atomic():
            hold_step(claimed)
            existing = Run.objects.filter(parent_run_id=claimed.run_id, parent_step_id=claimed.id).first()
            return existing or submit(child_order(claimed, workflow, inputs))
    except ProblemError as problem:
        errors = [error.as_dict() for error in problem.errors]
        raise Misconfigured(f"{name} cannot start: {problem.detail}", errors=errors) from problem


def hold_step(claimed: Claimed) -> None:
    """Lock the step while it is ours; a late worker starts nothing."""
    mine = StepRun.objects.filter(
        run_id=claimed.run_id, pk=claimed.id, attempt_no=claimed.attempt_no, state=StepState.RUNNING
    )
    if not mine.filter(cancel_requested=False).select_for_update(no_key=True).exists():
        raise Cancelled("The step was stopped or taken over before its run started.")


def child_order(claimed: Claimed, workflow: Workflow, inputs: Any) -> RunOrder:
    """Of the current version. Raises InvalidInput where it uses what does not exist, or the inputs do not fit."""
    plan = plan_of_version(workflow.current_id)
    return RunOrder(
        project=workflow.project,
        workflow=workflow,
        version=workflow.current,
        plan=plan,
        pins=collect(claimed.project_id, plan.spec, None, claimed.environment),
        inputs=check_inputs(plan.spec.params, inputs),
        environment=claimed.environment,
        trigger=Trigger.WORKFLOW,
        by=SYSTEM,
        tags=claimed.tags,
        parent_run_id=claimed.run_id,
        parent_step_id=claimed.id,
        timeout_seconds=claimed.step.timeout_seconds,
    )


def depth_of(run_id: int) -> int:
    """How many runs stand above this one."""
    depth, parent = 0, Run.objects.filter(pk=run_id).values_list("parent_run_id", flat=True).first()
    while parent is not None and depth < MAX_DEPTH:
        depth += 1
        parent = Run.objects.filter(pk=parent).values_list("parent_run_id", flat=True).first()
    return depth


def settle_child(step_id: int, run_id: int | None = None) -> None:
    """The child run has ended: so does the step that waits for it, and costs what the child cost.

    A step that was given up before is counted all the same, and again when the child's cost has grown since. Does
    nothing otherwise, so it may be called at any time.
    """
    run_id = run_id or run_of(step_id)
    ended = Run.objects.filter(parent_run_id=run_id, parent_step_id=step_id, state__in=RUN_FINAL)
    child = ended.order_by("-pk").first()
    step = StepRun.objects.filter(run_id=run_id, pk=step_id).values("waits_for", "ended_at").first()
    if child is None or step is None:
        return
    if step["waits_for"] == WaitsFor.CHILD:
        end_step(step_id, run_id, child)
    elif step["ended_at"] and not child.is_counted:
        count_late(step_id, run_id, child)


def end_step(step_id: int, run_id: int, child: Run) -> None:
    """Give the step that waits for `child`, whose run is `run_id`, the child's outputs or its failure."""
    with locked_run(run_id) as run:
        if run is None:
            return
        state, error = result_of(child, stopping=run.stop_requested_at is not None)
        try:
            output = store(child.outputs, run_id=run.id, step_id=step_id, attempt_no=0)
        except StorageFailure as failure:
            state, output, error = StepState.FAILED, None, {"type": failure.kind, "message": failure.message}
        row = settle_waiting(run, step_id, WaitsFor.CHILD, Ending(state, output, error, facts={"child": child.pk}))
        if row is not None:
            recount_people(run)
            count_child(run, step_id, child)
            Advance(run).after(row)
            settle_pause(run)


def count_late(step_id: int, run_id: int, child: Run) -> None:
    """The run may have ended long ago; what it cost is known only now. Whoever started it counts anew as well."""
    with locked_run(run_id) as run:
        row = one(ENDED_STEP, {"run": run_id, "id": step_id})
        if run is None or row is None:
            return
        cost = count_child(run, step_id, child)
        if cost is not None:
            run.emit(events.STEP_COST_ADDED, **described(row, row["state"]), child=child.pk, cost_usd=str(cost))


def count_child(run: LockedRun, step_id: int, child: Run) -> Decimal | None:
    """Bring the step's cost, and with it the run's, to what the child cost. By how much; None when nothing changed."""
    grown = one(COUNT_CHILD, {"child": child.pk, "run": run.id, "id": step_id})
    if grown is None or not any(grown.values()):
        return None
    run.add_spent(**grown, by_child=True)
    return grown["cost"]


def follow_attention(step_id: int, run_id: int | None = None) -> None:
    """The run that this step waits for began, or ceased, to need a person; may be called at any time."""
    run_id = run_id or run_of(step_id)
    if not StepRun.objects.filter(run_id=run_id, pk=step_id, waits_for=WaitsFor.CHILD).exists():
        return
    with locked_run(run_id) as run:
        if run is not None and run.stop_requested_at is None and not run.is_final:
            before = run.people_steps
            run.people_steps = count_people_steps(run.id)
            run.is_changed = run.people_steps != before or run.waits_only_for_people != run.needed_attention


def recount_people(run: LockedRun) -> None:
    """The child that has just ended may have been one of those that needed somebody."""
    if run.people_steps:
        run.people_steps = count_people_steps(run.id)


def result_of(child: Run, *, stopping: bool) -> tuple[str, dict | None]:
    """State and error (None when it succeeded) of the step that started `child`."""
    if child.state in GOOD_ENDS:
        return StepState.SUCCEEDED, None
    if stopping:
        return StepState.CANCELLED, None
    message = f"Run {child.pk} ended as {child.get_state_display().lower()}."
    return StepState.FAILED, {"type": "child_run", "message": message, "context": {"run": child.pk}}
