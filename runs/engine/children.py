"""Runs that a step started: begun once, and their end settles the step. Parents are locked before children."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.domain.errors import ProblemError
from controlplane.domain.failures import Cancelled, Failure, Misconfigured
from controlplane.projects.actors import SYSTEM
from runs.engine.advance import Advance, described
from runs.engine.claim import Claimed
from runs.engine.locked import as_json, locked_run
from runs.engine.outputs import StorageFailure, store
from runs.engine.pausing import settle_pause
from runs.engine.pins import collect
from runs.engine.plan import plan_of_version
from runs.engine.sql import one
from runs.engine.submit import Order, submit
from runs.models import RUN_FINAL, Run, RunState, StepRun, StepState, Trigger
from workflows.models import Workflow
from workflows.parameters import check_inputs

MAX_DEPTH = 10
GOOD_ENDS = {RunState.SUCCEEDED, RunState.PARTIALLY_SUCCEEDED}

END_STEP = """
UPDATE runs_steprun SET state = %(state)s, output = %(output)s::jsonb, error = %(error)s::jsonb,
    ended_at = clock_timestamp(), cost_usd = cost_usd + %(cost)s, input_tokens = input_tokens + %(input_tokens)s,
    output_tokens = output_tokens + %(output_tokens)s
WHERE id = %(id)s AND state = 'waiting' RETURNING id, key, index, state
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
            existing = Run.objects.filter(parent_step_id=claimed.id).first()
            return existing or submit(child_order(claimed, workflow, inputs))
    except ProblemError as problem:
        errors = [error.as_dict() for error in problem.errors]
        raise Misconfigured(f"{name} cannot start: {problem.detail}", errors=errors) from problem


def hold_step(claimed: Claimed) -> None:
    """Lock the step while it is ours; a late worker starts nothing."""
    mine = StepRun.objects.filter(pk=claimed.id, attempt_no=claimed.attempt_no, state=StepState.RUNNING)
    if not mine.filter(cancel_requested=False).select_for_update(no_key=True).exists():
        raise Cancelled("The step was stopped or taken over before its run started.")


def child_order(claimed: Claimed, workflow: Workflow, inputs: Any) -> Order:
    plan = plan_of_version(workflow.current_id)
    return Order(
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
        parent_step_id=claimed.id,
        timeout_seconds=claimed.step.timeout_seconds,
    )


def depth_of(run_id: int) -> int:
    """How many runs stand above this one."""
    depth, parent = 0, Run.objects.filter(pk=run_id).values_list("parent_step__run_id", flat=True).first()
    while parent is not None and depth < MAX_DEPTH:
        depth += 1
        parent = Run.objects.filter(pk=parent).values_list("parent_step__run_id", flat=True).first()
    return depth


def settle_child(step_id: int) -> None:
    """End the waiting step when its child run has ended. Does nothing otherwise, so it may be called at any time.

    The step costs what the child cost. A child that ends after its step was given up adds nothing to it.
    """
    child = Run.objects.filter(parent_step_id=step_id, state__in=RUN_FINAL).order_by("-pk").first()
    step = StepRun.objects.filter(pk=step_id, state=StepState.WAITING).values("run_id").first()
    if child is None or step is None:
        return
    with locked_run(step["run_id"]) as run:
        if run is None:
            return
        state, error = result_of(child, stopping=run.stop_requested_at is not None)
        try:
            output = store(child.outputs, run_id=run.id, step_id=step_id, attempt_no=0)
        except StorageFailure as failure:
            state, output, error = StepState.FAILED, None, {"type": failure.kind, "message": failure.message}
        spent = {"cost": child.cost_usd, "input_tokens": child.input_tokens, "output_tokens": child.output_tokens}
        result = {"id": step_id, "state": state, "output": as_json(output), "error": as_json(error)}
        row = one(END_STEP, result | spent)
        if row is None:
            return
        run.cost += child.cost_usd
        run.input_tokens += child.input_tokens
        run.output_tokens += child.output_tokens
        more: dict[str, Any] = {"error": error} if error else {}
        run.emit(f"step.{state}", **described(row, state), child=child.pk, **more)
        Advance(run).after(row)
        settle_pause(run)


def result_of(child: Run, *, stopping: bool) -> tuple[str, dict | None]:
    if child.state in GOOD_ENDS:
        return StepState.SUCCEEDED, None
    if stopping:
        return StepState.CANCELLED, None
    message = f"Run {child.pk} ended as {child.get_state_display().lower()}."
    return StepState.FAILED, {"type": "child_run", "message": message, "context": {"run": child.pk}}
