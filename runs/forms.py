"""HTML input for runs."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from agents.models import Agent
from controlplane.projects.models import Project
from runs.models import Environment


class StartForm(forms.Form):
    """What every start asks beside the workflow's own parameters."""

    environment = forms.ChoiceField(choices=Environment.choices, initial=Environment.DEV)
    agent = forms.ModelChoiceField(Agent.objects.none(), required=False, empty_label="Choose an agent")
    tags = forms.CharField(required=False, help_text="Separated by commas.", max_length=500)

    def __init__(self, *args: Any, project: Project, asks_for_agent: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asks_for_agent:
            choice: Any = self.fields["agent"]
            choice.queryset = Agent.objects.filter(project=project, enabled=True)
            choice.required = True
        else:
            del self.fields["agent"]

    def clean_tags(self) -> list[str]:
        return [tag for tag in self.cleaned_data["tags"].split(",") if tag.strip()]


class ReviewForm(forms.Form):
    """What a person decides about a step whose outcome is unknown."""

    outcome = forms.ChoiceField(
        choices=[("succeeded", "It took effect: go on"), ("failed", "It failed"), ("run_again", "Run it again")]
    )
    output = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="JSON, when it took effect."
    )
    note = forms.CharField(required=False, max_length=500)

    def clean_output(self) -> Any:
        text = self.cleaned_data["output"].strip()
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"The output is not JSON: {error}.") from error

    def decision(self) -> dict[str, Any]:
        return self.cleaned_data
