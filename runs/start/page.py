"""The page that starts a run: the workflow's parameters as fields or as JSON."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views import View

from controlplane.domain.errors import FieldError, InvalidInput, NotFound, ProblemError
from controlplane.listing.declaration.filters import is_id
from controlplane.ui.request import PortalRequest
from controlplane.ui.schema_form import has_fields, without_field
from runs.actions import start_run
from runs.models import Run
from runs.start.domain import what_starts
from runs.start.forms import StartForm, typed_inputs
from runs.start.start_page import StartPage
from runs.views import go_to, visible_runs
from workflows.models import Workflow


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
            if not problem.is_shown_by_its_form:
                raise
            page.problem = problem
            return render(request, "runs/new.html", {"page": page}, status=422)

    def start(self, request: PortalRequest, page: StartPage) -> HttpResponse:
        inputs = typed_inputs(request.POST, page.spec, as_json=page.as_json)
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
        version, plan = what_starts(workflow, draft=draft)
        spec = plan.spec
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
        typed = values.get("json")
        return StartPage(request, workflow, draft, form, version, spec, inputs, as_json, typed, note)

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
