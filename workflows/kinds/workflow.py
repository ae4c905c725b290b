"""`workflow:NAME`: a run of another workflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from controlplane.domain.json_schema import Fault, closed, not_applicable
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.unknown import closed_faults
from controlplane.domain.schemas.validator import NotApplicable
from workflows.kinds.declaration import Found, Schema, StepKind, Target, below


def released_params(rows: QuerySet[Any]) -> Found:
    """The schema of the released version's parameters, None while nothing is released."""
    found = rows.filter(archived_at=None).values_list("name", "current_id", "current__document__params")
    return {name: None if current is None else params or {} for name, current, params in found}


def check_inputs(schema: Schema | None, with_: Mapping[str, Any]) -> Iterator[Fault]:
    inputs = with_.get("inputs", {})
    if schema is None:
        yield Fault("uses", "This workflow has no released version yet.", "not_released")
    elif schema and isinstance(inputs, dict):
        yield from below("with.inputs", faults_when_filled(schema, inputs))


def faults_when_filled(schema: Schema, inputs: Any) -> list[Fault]:
    """A required input that has a default need not be given."""
    try:
        return closed_faults(schema, with_defaults(schema, inputs))
    except NotApplicable as error:
        return [not_applicable(error)]


KIND = StepKind(
    name="workflow",
    label="Workflow",
    icon="workflow",
    does="Runs the released version of another workflow, and waits for its end.",
    takes="`inputs` for that run",
    example='{key: load, uses: "workflow:load-orders", with: {inputs: {day: "2026-01-31"}}}',
    schema=closed({"inputs": {"type": "object", "description": "What the other workflow's run is started with."}}),
    target=Target("workflows.Workflow", "workflows:detail", find=released_params, check=check_inputs),
    waits_for="child",
    no_retry="A step that starts a workflow is not retried. Give the steps of that workflow a retry.",
)
