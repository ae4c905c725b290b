"""HTML input for runs."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django import forms
from rest_framework.exceptions import APIException

from controlplane.domain.errors import InvalidInput
from controlplane.projects.requests.parsing import StrictJSONParser
from runs.models import ReviewOutcome


def output_of(text: str) -> Any:
    """What a person typed as a step's output, by the rules of the API; None for nothing. Raises ValidationError."""
    if not text.strip():
        return None
    try:
        return StrictJSONParser().parse(BytesIO(text.encode()))
    except APIException as error:
        raise forms.ValidationError(str(error.detail)) from error
    except InvalidInput as error:
        raise forms.ValidationError(error.detail) from error


class ReviewForm(forms.Form):
    """What a person decides about a step whose outcome is unknown."""

    outcome = forms.ChoiceField(choices=ReviewOutcome.choices)
    output = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="JSON, when it took effect."
    )
    note = forms.CharField(required=False, max_length=500)

    def clean_output(self) -> Any:
        return output_of(self.cleaned_data["output"])

    def decision(self) -> dict[str, Any]:
        return self.cleaned_data


class SignalForm(forms.Form):
    """What a person sends to a step that waits for a signal."""

    output = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="JSON, which later steps read; may be left empty.",
    )

    def clean_output(self) -> Any:
        return output_of(self.cleaned_data["output"])
