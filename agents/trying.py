"""Trying a tool or an agent with an input of one's own: in the fields that its schema asks for, or as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse

from agents.examples import example_of
from agents.forms import JsonText
from agents.models import Agent, Tool
from agents.shapes import AGENT_INPUT
from agents.trials.asking import answer_of
from agents.views import EntryView
from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest
from controlplane.ui.schema_form import belongs, form_fields, inputs_from_form, shown_again

# What fields and errors begin with, such as `input.days`; without more it is the JSON.
PREFIX = "input"


class CallTrial(EntryView):
    """GET shows the form, POST makes the call and shows the answer beside what was typed."""

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("operator")
        return self.page(self.entry(pk))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("operator")
        row = self.entry(pk)
        try:
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
        asked = PREFIX in self.request.POST or "as_json" in self.request.GET
        return asked or not schema_of(row).get("properties")

    def page(self, row: Tool | Agent, problem: ProblemError | None = None, **outcome: Any) -> HttpResponse:
        template = "agents/_trial.html" if is_partial(self.request) else "agents/trial.html"
        shown = self.as_json(row) if self.is_json(row) else self.as_fields(row, problem)
        return self.show(template, row=row, problem=problem, partial=is_partial(self.request), **shown, **outcome)

    def as_json(self, row: Tool | Agent) -> dict[str, Any]:
        text = self.request.POST.get(PREFIX, json.dumps(example_of(schema_of(row)), indent=2, ensure_ascii=False))
        return {"text": text, "has_fields": bool(schema_of(row).get("properties"))}

    def as_fields(self, row: Tool | Agent, problem: ProblemError | None) -> dict[str, Any]:
        """The fields with what is wrong with each; `elsewhere` are faults that lie in none of them."""
        errors = problem.errors if problem else []
        # The database keeps no order of properties, so those that are needed come first.
        ordered = sorted(form_fields(schema_of(row), prefix=PREFIX), key=lambda field: not field.required)
        fields = shown_again(ordered, self.request.POST, errors)
        names = [field.name for field, _ in fields]
        return {"fields": fields, "elsewhere": [one for one in errors if not any(belongs(one, name) for name in names)]}


def schema_of(row: Tool | Agent) -> dict[str, Any]:
    return row.input_schema if isinstance(row, Tool) else AGENT_INPUT
