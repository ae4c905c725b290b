"""The page that starts a run: the workflow's parameters as fields or as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from controlplane.domain.errors import FieldError, InvalidInput, NotAllowed, NotFound, ProblemError
from controlplane.listing.filters import is_id
from controlplane.ui.schema_form import Field, belongs, form_fields, inputs_from_form, shown_again
from runs.actions import draft_of, start_run
from runs.forms import StartForm
from runs.models import Run
from runs.views import go_to, visible_runs
from workflows.models import Workflow
from workflows.parameters import with_defaults
from workflows.spec import Spec


@dataclass
class StartPage:
    """Everything the form shows: which workflow, its parameters, what was typed, what is wrong."""

    request: HttpRequest
    workflow: Workflow
    draft: bool
    form: StartForm
    spec: Spec
    earlier: dict[str, Any] | None = None
    as_json: bool = False
    json_text: str = ""
    problem: ProblemError | None = None

    @cached_property
    def fields(self) -> list[tuple[Field, str]]:
        """Each input with what is wrong with it; after a refusal as it was typed."""
        return shown_again(form_fields(self.spec.params, self.earlier), self.request.POST, self.errors)

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
    def schema(self) -> Any:
        return self.spec.params


class RunNew(View):
    """GET shows the form, POST starts the run or shows what is wrong, at the field."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not request.member.may(start_run.role):
            raise NotAllowed(f"Starting a run needs the role {start_run.role} in this project.")
        wanted = request.GET.get("workflow", "")
        if not wanted:
            return self.choose(request)
        return render(request, "runs/new.html", {"page": self.page(request, wanted)})

    def choose(self, request: HttpRequest) -> HttpResponse:
        rows = Workflow.objects.visible_to(request.member).live().filter(current__isnull=False)
        return render(request, "runs/choose.html", {"workflows": rows.select_related("current").defer("current__text")})

    def post(self, request: HttpRequest) -> HttpResponse:
        page = self.page(request, request.POST.get("workflow", ""))
        try:
            return self.start(request, page)
        except ProblemError as problem:
            if problem.status not in {400, 409}:
                raise
            page.problem = problem
            return render(request, "runs/new.html", {"page": page}, status=422)

    def start(self, request: HttpRequest, page: StartPage) -> HttpResponse:
        inputs = typed_inputs(request, page.spec, as_json=page.as_json)
        if not page.form.is_valid():
            errors = [FieldError(name, message) for name, found in page.form.errors.items() for message in found]
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

    def page(self, request: HttpRequest, wanted: str) -> StartPage:
        workflow = find_workflow(request, wanted)
        values = request.POST or request.GET
        draft = bool(values.get("draft"))
        spec = spec_of(workflow, draft=draft)
        earlier = self.earlier(request, workflow)
        initial = None if earlier is None else {"environment": earlier.environment, "agent": earlier.agent,
                                                "tags": ", ".join(earlier.tags)}  # fmt: skip
        form = StartForm(request.POST or None, initial=initial, project=request.project,
                         asks_for_agent=spec.asks_for_agent)  # fmt: skip
        inputs = earlier.inputs if earlier else None
        as_json = bool(spec.params) and (values.get("as_json") == "1" or not spec.params.get("properties"))
        shown = inputs if inputs is not None else with_defaults(spec.params, {}, spec.params)
        text = values.get("json") or json.dumps(shown, indent=2)
        return StartPage(request, workflow, draft, form, spec, inputs, as_json, text)

    def earlier(self, request: HttpRequest, workflow: Workflow) -> Run | None:
        """The run whose inputs to start from (`?from=42`)."""
        wanted = request.GET.get("from", "")
        return visible_runs(request).filter(pk=wanted, workflow=workflow).first() if is_id(wanted) else None


def find_workflow(request: HttpRequest, wanted: str) -> Workflow:
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


def typed_inputs(request: HttpRequest, spec: Spec, *, as_json: bool) -> dict[str, Any]:
    if not as_json:
        return inputs_from_form(spec.params, dict(request.POST.lists()))
    try:
        inputs = json.loads(request.POST.get("json") or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput.field("json", f"This is not JSON: {error}.", "syntax") from error
    if not isinstance(inputs, dict):
        raise InvalidInput.field("json", "The inputs are one JSON object.")
    return inputs
