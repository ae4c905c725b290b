"""A draft is written, released as a version that never changes, and retired by the next one."""

from __future__ import annotations

from django.utils import timezone

from controlplane.domain.action import Actor, action
from controlplane.domain.errors import InvalidInput
from controlplane.domain.recording import record
from workflows import events
from workflows import refusals as no
from workflows.actions.writing import count_edit, need_draft, refuse_bad_note, write_draft, write_note
from workflows.exchange.domain import Definition
from workflows.models import Version, VersionState, Workflow
from workflows.queries import check_text, read_text


@action(label="Import as draft", role="editor", icon="upload", refused_when=(no.ARCHIVED,))
def import_draft(workflow: Workflow, definition: Definition, *, edits: int | None = None, by: Actor) -> Version:
    """The definition's specification and note as the draft; name, description and tags stay as they are here."""
    draft = save_draft(workflow, text=definition.text, edits=edits, by=by)
    write_note(draft, definition.note)
    return draft


@action(label="Save draft", role="editor", icon="save", refused_when=(no.ARCHIVED,))
def save_draft(
    workflow: Workflow, *, text: str, note: str | None = None, edits: int | None = None, by: Actor
) -> Version:
    """Keep `text` as the draft, made from nothing or over the one there is, and `note` for its release.

    `edits` is the workflow's count when the editor was opened: Conflict when somebody changed the draft since. None
    overwrites. Text that cannot be read is refused with its lines; a draft may break every other rule.
    """
    read_text(text)
    count_edit(workflow, edits, by)
    draft = write_draft(workflow, text, by)
    if note is not None:
        write_note(draft, note)
    record(events.DRAFT_SAVED, workflow, by=by, name=workflow.name, version=draft.number)
    return draft


@action(label="Release", role="editor", tone="primary", icon="publish", refused_when=(no.ARCHIVED, no.NO_DRAFT))
def release_draft(workflow: Workflow, *, note: str | None = None, edits: int | None = None, by: Actor) -> Version:
    """Make the draft the version that runs start. Raises InvalidInput with every fault when it is not valid.

    Without a `note` it keeps the one that an imported draft came with.
    """
    refuse_bad_note(note or "")
    count_edit(workflow, edits, by)
    draft = need_draft(workflow)
    note = draft.note if note is None else note
    checked = check_text(draft.text, project=workflow.project, workflow=workflow)
    if checked.errors:
        raise InvalidInput(f"The draft is not valid: {checked.errors[0].message}", errors=checked.errors)
    if workflow.current is not None:
        workflow.current.move_to(VersionState.RETIRED)
    draft.move_to(VersionState.RELEASED, note=note, released_at=timezone.now(), released_by=by.name)
    Workflow.objects.filter(pk=workflow.pk).update(current=draft)
    workflow.current = draft
    record(events.WORKFLOW_RELEASED, workflow, by=by, name=workflow.name, version=draft.number, note=note)
    return draft


@action(
    label="Discard draft", role="editor", confirm="Discard the draft of {subject}?", tone="danger", icon="x",
    refused_when=(no.ARCHIVED, no.NO_DRAFT, no.ONLY_DRAFT),
)  # fmt: skip
def discard_draft(workflow: Workflow, *, edits: int | None = None, by: Actor) -> None:
    count_edit(workflow, edits, by)
    draft = need_draft(workflow)
    record(events.DRAFT_DISCARDED, workflow, by=by, name=workflow.name, version=draft.number)
    draft.delete()


@action(
    label="Restore as draft", role="editor", icon="history",
    refused_when=(no.IS_DRAFT, no.WORKFLOW_ARCHIVED, no.DRAFT_IN_THE_WAY), holds=no.workflow_of,
)  # fmt: skip
def restore_version(version: Version, *, edits: int | None = None, by: Actor) -> Version:
    """Copy a released or retired version into a new draft. An unreleased draft in its place is never overwritten."""
    workflow = version.workflow
    count_edit(workflow, edits, by)
    draft = write_draft(workflow, version.text, by)
    record(events.VERSION_RESTORED, workflow, by=by, name=workflow.name, version=version.number, draft=draft.number)
    return draft
