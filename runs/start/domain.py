"""What a start would run: the released version, or the draft as it stands."""

from __future__ import annotations

from controlplane.domain.errors import ActionRefused, InvalidInput
from runs import refusals as no
from runs.engine.plan import Plan, plan_of_version
from workflows.models import Version, Workflow
from workflows.queries import check_text
from workflows.specification.language import Spec


def what_starts(workflow: Workflow, *, draft: bool) -> tuple[Version, Plan]:
    """Raises ActionRefused when there is none, and InvalidInput with every fault of a draft."""
    return draft_of(workflow) if draft else released(workflow)


def released(workflow: Workflow) -> tuple[Version, Plan]:
    if workflow.current is None:
        raise no.UNRELEASED.error(workflow)
    return workflow.current, plan_of_version(workflow.current.pk)


def draft_of(workflow: Workflow) -> tuple[Version, Plan]:
    """With its faults it is refused: steps that need each other would wait without end."""
    version = workflow.versions.filter(state="draft").first()
    if version is None:
        raise ActionRefused(f"The workflow {workflow.name} has no draft to test.")
    errors = check_text(version.text, project=workflow.project, workflow=workflow).errors
    if errors:
        raise InvalidInput(f"The draft is not valid: {errors[0].message}", errors=errors)
    return version, Plan(Spec.from_document(version.document))
