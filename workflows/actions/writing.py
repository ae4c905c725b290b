"""What the verbs write, and how: rows are locked, edits counted, names unique, fields checked."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from controlplane.domain.action import Actor
from controlplane.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from workflows import refusals as no
from workflows.library.dependencies import uses_of
from workflows.models import Version, Workflow
from workflows.queries import read_text, refuse_unstorable
from workflows.specification.language import format_of

LONGEST_DESCRIPTION = 10_000


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
    """Who changed what since, for whoever saves an older state. NotFound when it was deleted."""
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
    """Raises ActionRefused when there is none."""
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


def insert(workflow: Workflow) -> None:
    """Raises Conflict with the code `name_taken`."""
    try:
        with transaction.atomic():
            workflow.save(force_insert=True)
    except IntegrityError as error:
        raise name_taken(workflow.name) from error


def save_unique(workflow: Workflow, fields: list[str]) -> None:
    """Raises Conflict with the code `name_taken`."""
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
