"""Pages that take a workflow out as a JSON file, and bring one in."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from controlplane.domain.errors import ProblemError
from controlplane.ui.request import PortalRequest
from workflows import actions
from workflows.exchange.domain import document_of
from workflows.forms import ImportDraftForm, ImportForm, ImportNewForm, add_problem
from workflows.library.versions import find_exported
from workflows.models import Workflow
from workflows.queries import check_text
from workflows.views import WorkflowPage, need_role, url_of


class ExportPage(WorkflowPage):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        """`?version=`: a number, `current` or `draft`."""
        version = find_exported(self.workflow, request.GET.get("version", ""))
        text = json.dumps(document_of(version), indent=2, ensure_ascii=False)
        name = f"{self.workflow.name}-v{version.number}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(f"{text}\n", content_type="application/json", headers=headers)


class Import(View):
    """A new workflow."""

    request: PortalRequest

    def get(self, request: PortalRequest) -> HttpResponse:
        return self.page(ImportNewForm())

    def post(self, request: PortalRequest) -> HttpResponse:
        form = ImportNewForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form, 422)
        sent = form.cleaned_data
        try:
            workflow = actions.import_workflow(
                request.project, sent["definition"], name=sent["name"], by=request.member
            )
        except ProblemError as problem:
            add_problem(form, problem)
            return self.page(form, problem.status)
        say_imported(request, workflow)
        return redirect(url_of(request, "edit", workflow.pk))

    def page(self, form: ImportForm, status: int = 200) -> HttpResponse:
        need_role(self.request, "editor")
        return render(self.request, "workflows/import.html", {"form": form}, status=status)


class DraftImport(WorkflowPage):
    """The next draft of a workflow that is here."""

    role = "editor"

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        return self.page(ImportDraftForm(initial={"edits": self.workflow.edits}))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        form = ImportDraftForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form, 422)
        sent = form.cleaned_data
        try:
            actions.import_draft(self.workflow, sent["definition"], edits=sent["edits"], by=request.member)
        except ProblemError as problem:
            add_problem(form, problem)
            return self.page(form, problem.status)
        say_imported(request, self.workflow)
        return self.to("edit")

    def page(self, form: ImportForm, status: int = 200) -> HttpResponse:
        return self.show("workflows/import_draft.html", status, form=form, draft=self.workflow.find_draft())


def say_imported(request: Any, workflow: Workflow) -> None:
    draft = workflow.find_draft()
    errors = check_text(draft.text, project=workflow.project, workflow=workflow).errors if draft else []
    if errors:
        messages.warning(request, f"Imported as a draft. What keeps it from being released: {errors[0].message}")
    else:
        messages.success(request, "Imported as a draft. Look at it, then release it.")
