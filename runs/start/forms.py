"""What a start asks: the environment, and the workflow's parameters as fields or as JSON."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import QueryDict

from agents.models import Agent, Environment
from controlplane.domain.errors import InvalidInput
from controlplane.projects.models import Project
from controlplane.ui.schema_form import inputs_from_form
from workflows.specification.language import Spec


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


def typed_inputs(sent: QueryDict, spec: Spec, *, as_json: bool) -> dict[str, Any]:
    if not as_json:
        return inputs_from_form(spec.params, dict(sent.lists()))
    try:
        inputs = json.loads(sent.get("json", "{}"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field(
            "json", f"This is not JSON: {str(error)[:200]}. No inputs are {{}}.", "syntax"
        ) from error
    if not isinstance(inputs, dict):
        raise InvalidInput.field("json", "The inputs are one JSON object.")
    return inputs
