"""What people type about a workflow."""

from __future__ import annotations

from typing import Any

from django import forms

from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.domain.tags import MAX_TAGS
from workflows.actions import LONGEST_DESCRIPTION
from workflows.exchange.domain import read_definition, read_json

LARGEST_FILE = 1024 * 1024


class TagsField(forms.CharField):
    """Words with commas between them."""

    def prepare_value(self, value: Any) -> str:
        return ", ".join(value) if isinstance(value, list) else value or ""

    def clean(self, value: Any) -> list[str]:
        return [tag.strip() for tag in super().clean(value).split(",") if tag.strip()]


class SpecificationField(forms.CharField):
    """The text as typed; browsers send line ends of two characters."""

    widget = forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "autocapitalize": "off"})

    def __init__(self) -> None:
        super().__init__(label="Specification", strip=False)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class EditsField(forms.IntegerField):
    """The workflow's count of edits when the page was opened; empty overwrites whatever happened since."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(min_value=0, max_value=2**31 - 1, required=False)


class DetailsForm(forms.Form):
    name = forms.CharField(
        max_length=63, help_text="Lower-case letters, digits, hyphens and underscores. Other workflows call it by this."
    )
    description = forms.CharField(
        max_length=LONGEST_DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = TagsField(required=False, help_text=f"Separated by commas, at most {MAX_TAGS}.")


class NewForm(DetailsForm):
    text = SpecificationField()


class ChangedDetailsForm(DetailsForm):
    """`overwrite` goes before `edits`: the count of another's change that is to be overwritten."""

    edits = EditsField()
    overwrite = EditsField()

    def hidden_fields(self) -> list[Any]:
        """Without `overwrite`, which only its button sends: an empty one beside it would win."""
        return [self["edits"]]

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or {}
        over = sent.pop("overwrite", None)
        return sent if over is None else {**sent, "edits": over}


class CopyForm(forms.Form):
    name = forms.CharField(max_length=63, label="Name of the copy")


class ImportForm(forms.Form):
    """A file, or its content pasted. `definition` is what it says."""

    file = forms.FileField(required=False, label="Exported file", help_text="JSON, at most 1 MiB.")
    pasted = forms.CharField(
        required=False,
        label="Or its content",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or {}
        try:
            sent["definition"] = read_definition(read_json(self.content(sent)))
        except ProblemError as problem:
            for error in problem.errors:
                where = error.field if error.field in self.fields else None
                self.add_error(where, error.message if where else f"{error.field}: {error.message}")
        return sent

    def content(self, sent: dict[str, Any]) -> bytes:
        file = sent.get("file")
        body = sent.get("pasted", "").encode("utf-8", "surrogatepass") if file is None else file.read(LARGEST_FILE + 1)
        if not body.strip():
            raise InvalidInput.field("file", "Choose a file or paste its content.", "required")
        if len(body) > LARGEST_FILE:
            raise InvalidInput.field("file", "It is larger than 1 MiB.", "too_large")
        return body


class ImportNewForm(ImportForm):
    name = forms.CharField(
        max_length=63, required=False, label="Name here", help_text="Without one, as the document says."
    )


class ImportDraftForm(ImportForm):
    edits = EditsField()


class DraftForm(forms.Form):
    """`overwrite` goes before `edits`: the count of another's save that is to be overwritten."""

    text = SpecificationField()
    edits = EditsField()
    overwrite = EditsField()
    note = forms.CharField(max_length=500, required=False, label="Note for the release")


class ReleaseForm(forms.Form):
    note = forms.CharField(
        max_length=500, required=False, help_text="What changed, for who reads the list of versions."
    )
    edits = EditsField()


class DeleteForm(forms.Form):
    """Deleting runs too is confirmed by typing the name."""

    confirm = forms.CharField(max_length=63, required=False, label="Name of the workflow")


def add_problem(form: forms.Form, problem: ProblemError) -> None:
    """Show a refusal at the fields it names, and the rest above the form."""
    shown = False
    for error in problem.errors:
        if error.field in form.fields:
            form.add_error(error.field, error.message)
            shown = True
    if not shown:
        form.add_error(None, problem.detail)
