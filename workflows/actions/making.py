"""Create, import, duplicate, delete."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.domain.action import Actor, action
from controlplane.domain.errors import Conflict
from controlplane.domain.recording import record
from controlplane.domain.tags import clean_tags
from controlplane.projects.models import Project
from workflows import events
from workflows import refusals as no
from workflows.actions.writing import check_fields, insert, lock, need_draft, write_draft, write_note
from workflows.exchange.domain import Definition
from workflows.models import Workflow
from workflows.queries import read_text

TASK_DESCRIPTION = "Executes elsewhere and reports here."

# Valid, so that the page of the workflow has nothing to complain about.
TASK_TEXT = """\
# Runs of this task execute elsewhere and are reported here. Released, these steps could be started here as well.
steps:
  - key: nothing
    uses: noop
"""


@action(label="New workflow", role="editor", tone="primary", icon="plus")
def create_workflow(
    project: Project, *, name: str, description: str = "", tags: Iterable[str] = (), text: str, by: Actor
) -> Workflow:
    """A workflow with `text` as its first draft. Text that cannot be read is refused; other faults may wait."""
    read_text(text)
    workflow = Workflow(project=project, name=name, description=description, tags=clean_tags(tags), updated_by=by.name)
    check_fields(workflow)
    insert(workflow)
    write_draft(workflow, text, by)
    record(events.WORKFLOW_CREATED, workflow, by=by, name=name)
    return workflow


@action(label="Import", role="editor", icon="upload")
def import_workflow(project: Project, definition: Definition, *, name: str = "", by: Actor) -> Workflow:
    """A new workflow, called `name` or as the definition says. What it uses may be missing here: a draft may wait."""
    workflow = create_workflow(
        project,
        name=name or definition.name,
        description=definition.description,
        tags=definition.tags,
        text=definition.text,
        by=by,
    )
    write_note(need_draft(workflow), definition.note)
    return workflow


@action(label="Report a task", role="operator", icon="upload")
def register_task(project: Project, *, name: str, by: Actor) -> Workflow:
    """The workflow that runs called `name` are listed under, which execute elsewhere; the first report makes it."""
    rows = Workflow.objects.select_related("project").filter(project=project, name=name)
    if (found := rows.first()) is not None:
        return found
    workflow = Workflow(project=project, name=name, description=TASK_DESCRIPTION, updated_by=by.name)
    check_fields(workflow)
    try:
        insert(workflow)
    except Conflict:
        # Another first report was faster.
        return rows.get()
    write_draft(workflow, TASK_TEXT, by)
    record(events.WORKFLOW_CREATED, workflow, by=by, name=name)
    return workflow


@action(label="Duplicate", role="editor", icon="copy")
def duplicate_workflow(workflow: Workflow, *, name: str, by: Actor) -> Workflow:
    """A new workflow whose draft is this one's released version, or its draft while nothing was released."""
    source = workflow.current or need_draft(workflow)
    copy = Workflow(project=workflow.project, name=name, description=workflow.description, tags=workflow.tags)
    copy.updated_by = by.name
    check_fields(copy)
    insert(copy)
    write_draft(copy, source.text, by)
    record(events.WORKFLOW_CREATED, copy, by=by, name=name, copy_of=workflow.name, version=source.number)
    return copy


@action(
    label="Delete", role="admin", tone="danger", icon="delete",
    refused_when=(no.IN_USE_DELETED, no.UNFINISHED_RUNS, no.HAS_RUNS),
)  # fmt: skip
def delete_workflow(workflow: Workflow, *, confirm: str = "", by: Actor) -> None:
    """Delete it with its versions and runs. When it has runs, `confirm` must be its name."""
    workflow = lock(workflow)
    runs = workflow.runs.count()
    if runs and confirm != workflow.name:
        raise no.HAS_RUNS.error(workflow)
    record(events.WORKFLOW_DELETED, workflow, by=by, name=workflow.name, runs=runs)
    # Runs and `current` protect versions, so they go first.
    workflow.runs.all().delete()
    Workflow.objects.filter(pk=workflow.pk).update(current=None)
    Workflow.objects.get(pk=workflow.pk).delete()
