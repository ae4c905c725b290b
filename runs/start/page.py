"""The page that starts a run: the workflow's parameters as fields or as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views import View

from controlplane.domain.errors import FieldError, InvalidInput, NotFound, ProblemError
from controlplane.listing.declaration.filters import is_id
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
from runs.actions import draft_of, start_run
from runs.forms import StartForm
from runs.models import Run
from runs.views import go_to, visible_runs
from workflows.models import Workflow
from workflows.specification.language import Spec
from workflows.specification.parameters import with_default_inputs


@dataclass
class StartPage:
    """Everything the form shows: which workflow, its parameters, what was typed, what is wrong."""

    request: PortalRequest
    workflow: Workflow
    draft: bool
    form: StartForm
    spec: Spec
    earlier: dict[str, Any] | None = None
    as_json: bool = False
    json_text: str = ""
    note: str = ""
    problem: ProblemError | None = None
    is_typed: bool = True

    @cached_property
    def fields(self) -> list[tuple[Field, str]]:
        """Each input with what is wrong with it; after a refusal as it was typed."""
        sent = self.request.POST if self.is_typed else QueryDict()
        return shown_again(form_fields(self.spec.params, self.earlier), sent, self.errors)

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
        inputs = typed_inputs(self.request, self.spec, as_json=self.as_json)
        missing = without_field(self.spec.params, inputs)
        if self.as_json and missing:
            raise InvalidInput.field("json", f"There is no field for {', '.join(missing[:5])}.", "unknown")
        self.earlier, self.as_json, self.is_typed = inputs, not self.as_json, False
        self.json_text = written(inputs)


class RunNew(View):
    """GET shows the form, POST starts the run or shows what is wrong, at the field."""

    def get(self, request: PortalRequest) -> HttpResponse:
        start_run.refuse_person(request.project, request.member)
        wanted = request.GET.get("workflow", "")
        if not wanted:
            return self.choose(request)
        return render(request, "runs/new.html", {"page": self.page(request, wanted)})

    def choose(self, request: PortalRequest) -> HttpResponse:
        rows = Workflow.objects.visible_to(request.member).live().filter(current__isnull=False)
        return render(request, "runs/choose.html", {"workflows": rows.select_related("current").defer("current__text")})

    def post(self, request: PortalRequest) -> HttpResponse:
        page = self.page(request, request.POST.get("workflow", ""))
        try:
            if "switch" in request.POST:
                page.switch()
                return render(request, "runs/new.html", {"page": page})
            return self.start(request, page)
        except ProblemError as problem:
            if problem.status not in {400, 409}:
                raise
            page.problem = problem
            return render(request, "runs/new.html", {"page": page}, status=422)

    def start(self, request: PortalRequest, page: StartPage) -> HttpResponse:
        inputs = typed_inputs(request, page.spec, as_json=page.as_json)
        if not page.form.is_valid():
            errors = [FieldError(name, str(message)) for name, found in page.form.errors.items() for message in found]
            raise InvalidInput("Some fields need another look.", errors=errors)
        values = page.form.cleaned_data
        run = start_run(
            page.workflow,
            inputs=inputs,
            environment=values["environment"],
            agent=values.get("agent"),
            tags=values["tags"],
            draft=page.draft,
            by=request.member,
        )
        return go_to(request, run, f"Run {run.pk} was started.")

    def page(self, request: PortalRequest, wanted: str) -> StartPage:
        workflow = find_workflow(request, wanted)
        values = request.POST or request.GET
        draft = bool(values.get("draft"))
        start_run.refuse_state(workflow, start_run.rules({"draft": draft}))
        spec = spec_of(workflow, draft=draft)
        earlier = self.earlier(request, workflow)
        is_switched = "switch" in request.POST
        form = StartForm(request.POST if request.POST and not is_switched else None, project=request.project,
                         initial=request.POST.dict() if is_switched else asked_then(earlier),
                         asks_for_agent=spec.asks_for_agent)  # fmt: skip
        inputs = earlier.inputs if earlier else None
        missing = [] if inputs is None else without_field(spec.params, inputs)
        asked = values.get("as_json") == "1" or not has_fields(spec.params)
        as_json = bool(spec.params) and (asked or bool(missing and request.method == "GET"))
        note = "" if asked or not missing else f"There is no field for {', '.join(missing[:5])}."
        shown = inputs if inputs is not None else with_default_inputs(spec.params, {})
        text = values.get("json", written(shown))
        return StartPage(request, workflow, draft, form, spec, inputs, as_json, text, note)

    def earlier(self, request: PortalRequest, workflow: Workflow) -> Run | None:
        """The run whose inputs to start from (`?from=42`)."""
        wanted = request.GET.get("from", "")
        return visible_runs(request).filter(pk=wanted, workflow=workflow).first() if is_id(wanted) else None


def asked_then(run: Run | None) -> dict[str, Any]:
    return {"environment": run.environment, "agent": run.agent, "tags": ", ".join(run.tags)} if run else {}


def find_workflow(request: PortalRequest, wanted: str) -> Workflow:
    rows = Workflow.objects.visible_to(request.member).select_related("project", "current")
    found = (
        rows.filter(pk=int(wanted)).first() if is_id(wanted) else rows.filter(name=wanted.replace("\x00", "")).first()
    )
    if found is None:
        raise NotFound("There is no such workflow in this project.")
    return found


def spec_of(workflow: Workflow, *, draft: bool) -> Spec:
    if draft:
        return Spec.from_document(draft_of(workflow)[0].specification)
    if workflow.current is None:
        raise NotFound(f"The workflow {workflow.name} has no released version yet.")
    return Spec.from_document(workflow.current.specification)


def typed_inputs(request: PortalRequest, spec: Spec, *, as_json: bool) -> dict[str, Any]:
    if not as_json:
        return inputs_from_form(spec.params, dict(request.POST.lists()))
    try:
        inputs = json.loads(request.POST.get("json", "{}"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field(
            "json", f"This is not JSON: {str(error)[:200]}. No inputs are {{}}.", "syntax"
        ) from error
    if not isinstance(inputs, dict):
        raise InvalidInput.field("json", "The inputs are one JSON object.")
    return inputs


def written(inputs: dict[str, Any]) -> str:
    return json.dumps(inputs, indent=2, ensure_ascii=False)
