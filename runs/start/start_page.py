"""What the form of a start shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import QueryDict

from controlplane.domain.errors import FieldError, InvalidInput, ProblemError
from controlplane.ui.request import PortalRequest
from controlplane.ui.schema_form import Field, belongs, form_fields, has_fields, shown_again, without_field
from runs.start.forms import StartForm, typed_inputs
from workflows.models import Version, Workflow
from workflows.specification.language import Spec
from workflows.specification.parameters import with_default_inputs


@dataclass
class StartPage:
    """Everything the form shows: which workflow, its parameters, what was typed, what is wrong."""

    request: PortalRequest
    workflow: Workflow
    draft: bool
    form: StartForm
    version: Version
    spec: Spec
    earlier: dict[str, Any] | None = None
    as_json: bool = False
    typed_json: str | None = None
    note: str = ""
    problem: ProblemError | None = None
    is_typed: bool = True

    @cached_property
    def fields(self) -> list[tuple[Field, str]]:
        """Each input with what is wrong with it; after a refusal as it was typed."""
        sent = self.request.POST if self.is_typed else QueryDict()
        return shown_again(form_fields(self.in_typed_order.params, self.earlier), sent, self.errors)

    @cached_property
    def in_typed_order(self) -> Spec:
        """The same specification; the database gives it back in another order."""
        return Spec.from_document(self.version.specification)

    @property
    def json_text(self) -> str:
        if self.typed_json is not None:
            return self.typed_json
        inputs = with_default_inputs(self.in_typed_order.params, {}) if self.earlier is None else self.earlier
        return written(inputs)

    @property
    def errors(self) -> list[FieldError]:
        return list(self.problem.errors) if self.problem else []

    @property
    def other_errors(self) -> list[FieldError]:
        """Those that have no field on the page to be shown at."""
        names = ["json", "inputs"] if self.as_json else [one.name for one, _ in self.fields]
        return [error for error in self.errors if not any(belongs(error, name) for name in [*names, *self.form.fields])]

    @property
    def json_errors(self) -> list[str]:
        found = [error for error in self.errors if belongs(error, "json") or belongs(error, "inputs")]
        return [error.message if error.field == "json" else f"{error.field}: {error.message}" for error in found]

    @property
    def has_fields(self) -> bool:
        return has_fields(self.spec.params)

    @property
    def refusal(self) -> str:
        switched = "switch" in self.request.POST
        return "What is typed cannot be shown the other way" if switched else "The run was not started"

    def switch(self) -> None:
        """What is typed in the other of fields and JSON. Raises InvalidInput for what cannot be read."""
        inputs = typed_inputs(self.request.POST, self.in_typed_order, as_json=self.as_json)
        missing = without_field(self.spec.params, inputs)
        if self.as_json and missing:
            raise InvalidInput.field("json", f"There is no field for {', '.join(missing[:5])}.", "unknown")
        self.earlier, self.as_json, self.is_typed = inputs, not self.as_json, False
        self.typed_json = None


def written(inputs: dict[str, Any]) -> str:
    return json.dumps(inputs, indent=2, ensure_ascii=False)
