"""Rename, describe, tag and archive."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from controlplane.domain.action import Actor, action
from controlplane.domain.recording import record
from controlplane.domain.refusals import refuse
from controlplane.domain.tag_form import TagForm
from controlplane.domain.tags import clean_tags, tags_with, tags_without
from workflows import events
from workflows import refusals as no
from workflows.actions.writing import check_fields, count_edit, lock, save_unique
from workflows.models import Workflow


@action(label="Save", role="editor", icon="save")
def update_workflow(
    workflow: Workflow,
    *,
    name: str,
    description: str = "",
    tags: Iterable[str] = (),
    edits: int | None = None,
    by: Actor,
) -> Workflow:
    """Rename, describe, tag. A name that other workflows call cannot change under them; `edits` as for a draft."""
    workflow = lock(workflow)
    count_edit(workflow, edits, by)
    old_name = workflow.name
    if name != old_name:
        refuse(workflow, [no.IN_USE_RENAMED])
    workflow.name, workflow.description, workflow.tags = name, description, clean_tags(tags)
    check_fields(workflow)
    save_unique(workflow, ["name", "description", "tags", "updated_at"])
    record(events.WORKFLOW_UPDATED, workflow, by=by, name=name, old_name=old_name)
    return workflow


@action(
    label="Archive", role="editor", confirm="Archive {subject}? It can no longer be started.", icon="archive",
    refused_when=(no.ARCHIVED_ALREADY, no.IN_USE_ARCHIVED), undo="unarchive_workflow",
)  # fmt: skip
def archive_workflow(workflow: Workflow, *, by: Actor) -> None:
    set_archived(workflow, by, archived=True)
    record(events.WORKFLOW_ARCHIVED, workflow, by=by, name=workflow.name)


@action(
    label="Unarchive", role="editor", icon="refresh",
    refused_when=(no.NOT_ARCHIVED,), undo="archive_workflow",
)  # fmt: skip
def unarchive_workflow(workflow: Workflow, *, by: Actor) -> None:
    set_archived(workflow, by, archived=False)
    record(events.WORKFLOW_UNARCHIVED, workflow, by=by, name=workflow.name)


@action(label="Tag", role="editor", icon="tag", takes=TagForm, undo="remove_tags")
def add_tags(workflow: Workflow, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it did not have before."""
    row = lock(workflow)
    row.tags, new = tags_with(row.tags, tags)
    keep_tags(row, by)
    return new


@action(label="Untag", role="editor", icon="tag", takes=TagForm, undo="add_tags")
def remove_tags(workflow: Workflow, *, tags: Iterable[str], by: Actor) -> list[str]:
    """The tags that it had."""
    row = lock(workflow)
    row.tags, gone = tags_without(row.tags, tags)
    keep_tags(row, by)
    return gone


def keep_tags(workflow: Workflow, by: Actor) -> None:
    """Counted, so that who has the details open does not bring the old tags back."""
    check_fields(workflow)
    workflow.updated_by, workflow.edits = by.name, workflow.edits + 1
    workflow.save(update_fields=["tags", "edits", "updated_by", "updated_at"])
    record(events.WORKFLOW_UPDATED, workflow, by=by, name=workflow.name)


def set_archived(workflow: Workflow, by: Actor, *, archived: bool) -> None:
    now = timezone.now()
    rows = Workflow.objects.filter(pk=workflow.pk)
    rows.update(archived_at=now if archived else None, updated_at=now, updated_by=by.name)
    workflow.archived_at = now if archived else None
