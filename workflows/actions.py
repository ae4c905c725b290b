"""Verbs on workflows: a draft is written, released as a version that never changes, and retired by the next one."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from controlplane.domain.action import Actor, action
from controlplane.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from controlplane.domain.recording import record
from controlplane.domain.refusals import refuse
from controlplane.domain.tag_form import TagForm
from controlplane.domain.tags import clean_tags, tags_with, tags_without
from controlplane.projects.models import Project
from workflows import events
from workflows import refusals as no
from workflows.exchange.domain import Definition
from workflows.library.dependencies import uses_of
from workflows.models import Version, VersionState, Workflow
from workflows.queries import check_text, read_text, refuse_unstorable
from workflows.specification.language import format_of

LONGEST_DESCRIPTION = 10_000
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


@action(label="Import as draft", role="editor", icon="upload", refused_when=(no.ARCHIVED,))
def import_draft(workflow: Workflow, definition: Definition, *, edits: int | None = None, by: Actor) -> Version:
    """The definition's specification and note as the draft; name, description and tags stay as they are here."""
    draft = save_draft(workflow, text=definition.text, edits=edits, by=by)
    write_note(draft, definition.note)
    return draft


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


def count_edit(workflow: Workflow, edits: int | None, by: Actor) -> None:
    """Claim it for this transaction: the row stays locked, so that everybody else waits and then is refused."""
    rows = Workflow.objects.filter(pk=workflow.pk)
    if edits is not None:
        rows = rows.filter(edits=edits)
    now = timezone.now()
    if not rows.update(edits=F("edits") + 1, updated_at=now, updated_by=by.name):
        raise edited_meanwhile(workflow)
    workflow.refresh_from_db(fields=["edits", "updated_at", "updated_by", "current"])


def edited_meanwhile(workflow: Workflow) -> Conflict | NotFound:
    now = Workflow.objects.filter(pk=workflow.pk).first()
    if now is None:
        return NotFound("This workflow was deleted.")
    draft = now.find_draft()
    verb: str = "changed this workflow"
    change: Version | Workflow = now
    if draft is not None and draft.updated_at >= now.updated_at:
        verb, change = "saved this draft", draft
    at = f"{change.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    return Conflict(
        f"{change.updated_by} {verb} at {at}, after you opened it. Nothing was overwritten.",
        code="edited_meanwhile",
        edits=now.edits,
        changed_by=change.updated_by,
        changed_at=change.updated_at.isoformat(),
    )


def write_draft(workflow: Workflow, text: str, by: Actor) -> Version:
    """Create or overwrite the draft. The caller holds the workflow's row."""
    document = read_text(text)
    draft = workflow.find_draft()
    if draft is None:
        last = workflow.versions.aggregate(last=Max("number"))["last"] or 0
        draft = Version(workflow=workflow, number=last + 1, created_by=by.name)
    draft.text, draft.format, draft.document = text, format_of(text), dict(document)
    draft.uses, draft.updated_by = uses_of(document), by.name
    draft.save()
    return draft


def refuse_bad_note(note: str) -> None:
    refuse_unstorable(note, "note")
    if len(note) > 500:
        raise InvalidInput.field("note", "A note has at most 500 characters.", "max_length")


def write_note(draft: Version, note: str) -> None:
    refuse_bad_note(note)
    draft.note = note
    draft.save(update_fields=["note", "updated_at"])


def need_draft(workflow: Workflow) -> Version:
    draft = workflow.find_draft()
    if draft is None:
        raise no.NO_DRAFT.error(workflow)
    return draft


def lock(workflow: Workflow) -> Workflow:
    """The row as it is now, held until the transaction ends."""
    found = Workflow.objects.select_for_update(of=["self"]).select_related("project").filter(pk=workflow.pk).first()
    if found is None:
        raise NotFound("This workflow was deleted.")
    return found


def set_archived(workflow: Workflow, by: Actor, *, archived: bool) -> None:
    now = timezone.now()
    rows = Workflow.objects.filter(pk=workflow.pk)
    rows.update(archived_at=now if archived else None, updated_at=now, updated_by=by.name)
    workflow.archived_at = now if archived else None


def insert(workflow: Workflow) -> None:
    try:
        with transaction.atomic():
            workflow.save(force_insert=True)
    except IntegrityError as error:
        raise name_taken(workflow.name) from error


def save_unique(workflow: Workflow, fields: list[str]) -> None:
    try:
        with transaction.atomic():
            workflow.save(update_fields=fields)
    except IntegrityError as error:
        raise name_taken(workflow.name) from error


def name_taken(name: str) -> Conflict:
    message = f"There is a workflow “{name}” in this project already."
    return Conflict(message, code="name_taken", errors=[FieldError("name", message, "taken")])


def check_fields(workflow: Workflow) -> None:
    texts = {"name": workflow.name, "description": workflow.description, "tags": " ".join(workflow.tags)}
    for field, text in texts.items():
        refuse_unstorable(text, field)
    if len(workflow.description) > LONGEST_DESCRIPTION:
        message = f"A description has at most {LONGEST_DESCRIPTION:,} characters."
        raise InvalidInput.field("description", message, "max_length")
    try:
        workflow.clean_fields(exclude=["project", "current"])
    except ValidationError as error:
        found = [FieldError(name, message) for name, messages in error.message_dict.items() for message in messages]
        raise InvalidInput(f"{found[0].field}: {found[0].message}", errors=found) from error
