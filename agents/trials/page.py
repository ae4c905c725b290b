"""Trying a tool or an agent with an input of one's own: in the fields that its schema asks for, or as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse

from agents.catalogue.forms import JsonText
from agents.catalogue.page import ResourceView
from agents.catalogue.shapes import AGENT_INPUT
from agents.models import Agent, Tool
from agents.trials.asking import answer_of
from agents.trials.examples import example_of
from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest
from controlplane.ui.schema_form import (
    Field,
    belongs,
    form_fields,
    has_fields,
    inputs_from_form,
    shown_again,
    without_field,
)

# What fields and errors begin with, such as `input.days`; without more it is the JSON.
PREFIX = "input"


class CallTrial(ResourceView):
    """GET shows the form, POST makes the call and shows the answer beside what was typed."""

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("operator")
        return self.page(self.entry(pk))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("operator")
        row = self.entry(pk)
        try:
            if "switch" in self.request.POST:
                return self.switched(row)
            answer, duration_ms = answer_of(request, row, input=self.typed(row), by=request.member)
        except ProblemError as problem:
            return self.page(row, problem)
        return self.page(row, answer=answer, duration_ms=duration_ms)

    def typed(self, row: Tool | Agent) -> Any:
        if not self.is_json(row):
            return inputs_from_form(schema_of(row), dict(self.request.POST.lists()), prefix=PREFIX)
        try:
            return JsonText().clean(self.request.POST.get(PREFIX, ""))
        except ValidationError as error:
            raise InvalidInput.field(PREFIX, " ".join(error.messages), "syntax") from error

    def is_json(self, row: Tool | Agent) -> bool:
        as_json = PREFIX in self.request.POST or (self.request.method == "GET" and "as_json" in self.request.GET)
        return as_json or not has_fields(schema_of(row))

    def page(self, row: Tool | Agent, problem: ProblemError | None = None, **outcome: Any) -> HttpResponse:
        shown = self.as_json(row) if self.is_json(row) else self.as_fields(row, problem)
        partial = is_partial(self.request) and "switch" not in self.request.POST
        template = "agents/_trial.html" if partial else "agents/trial.html"
        return self.show(template, row=row, problem=problem, partial=partial, **shown, **outcome)

    def switched(self, row: Tool | Agent) -> HttpResponse:
        """What is typed in the other of fields and JSON; a new page. Raises InvalidInput for what cannot be read."""
        schema, input, was_json = schema_of(row), self.typed(row), self.is_json(row)
        if not was_json:
            shown: dict[str, Any] = {"text": written(input), "has_fields": True}
        else:
            if not isinstance(input, dict) or without_field(schema, input):
                raise InvalidInput.field(PREFIX, "The fields can hold only an object of what they name.", "unknown")
            fields = ordered(form_fields(schema, input, prefix=PREFIX, fills=False))
            shown = {"fields": [(field, "") for field in fields], "elsewhere": []}
        return self.show("agents/trial.html", row=row, problem=None, partial=False, **shown)

    def as_json(self, row: Tool | Agent) -> dict[str, Any]:
        text = self.request.POST.get(PREFIX, written(example_of(schema_of(row))))
        return {"text": text, "has_fields": has_fields(schema_of(row))}

    def as_fields(self, row: Tool | Agent, problem: ProblemError | None) -> dict[str, Any]:
        """The fields with what is wrong with each; `elsewhere` are faults that lie in none of them."""
        errors = problem.errors if problem else []
        fields = shown_again(
            ordered(form_fields(schema_of(row), prefix=PREFIX, fills=False)), self.request.POST, errors
        )
        names = [field.name for field, _ in fields]
        return {"fields": fields, "elsewhere": [one for one in errors if not any(belongs(one, name) for name in names)]}


def ordered(fields: list[Field]) -> list[Field]:
    """The database keeps no order of properties, so those that are needed come first."""
    return sorted(fields, key=lambda field: not field.required)


def written(input: Any) -> str:
    return json.dumps(input, indent=2, ensure_ascii=False)


def schema_of(row: Tool | Agent) -> dict[str, Any]:
    return row.input_schema if isinstance(row, Tool) else AGENT_INPUT
