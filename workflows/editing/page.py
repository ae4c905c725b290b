"""The editor of a draft, and of a new workflow: checks while one types, saves, releases."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from controlplane.domain.errors import Conflict, FieldError, InvalidInput, ProblemError
from controlplane.ui.htmx import is_partial, toast
from controlplane.ui.request import PortalRequest
from workflows import actions
from workflows.editing.completion import words_for
from workflows.forms import DraftForm, NewForm, add_problem
from workflows.library.project_catalogue import ProjectCatalogue
from workflows.models import Workflow
from workflows.queries import STARTING_TEXT, Checked, check_text, read_text
from workflows.specification.language import format_of
from workflows.specification.outline import steps_of
from workflows.views import WorkflowPage, need_role, url_of


def as_dicts(errors: list[FieldError]) -> list[dict[str, object]]:
    """For <code-editor>."""
    return [error.as_dict() for error in errors]


class Check(View):
    """What is wrong with a text that is saved nowhere: {"errors": [{field, message, line}]}."""

    def post(self, request: PortalRequest) -> HttpResponse:
        return JsonResponse({"errors": as_dicts(self.check(request).errors)})

    def check(self, request: PortalRequest) -> Checked:
        text = request.POST.get("text", "")
        workflow = None
        if pk := request.GET.get("workflow", ""):
            rows = Workflow.objects.visible_to(request.member)
            workflow = rows.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 19 else None
        return check_text(text, project=request.project, workflow=workflow)


class Words(View):
    """What the editor offers in a specification of this project."""

    def get(self, request: PortalRequest) -> HttpResponse:
        return JsonResponse(words_for(ProjectCatalogue(request.project)))


class Outline(View):
    """The steps of a text that is saved nowhere, beside the editor."""

    def post(self, request: PortalRequest) -> HttpResponse:
        try:
            document = read_text(request.POST.get("text", ""))
        except InvalidInput:
            # Unreadable while one types: the outline stays as it was.
            return HttpResponse(status=204)
        return render(request, "workflows/_outline.html", {"steps": steps_of(document)})


class New(View):
    """Name, description, tags and a text to start from."""

    request: PortalRequest

    def get(self, request: PortalRequest) -> HttpResponse:
        return self.page(NewForm(initial={"text": STARTING_TEXT}), STARTING_TEXT)

    def post(self, request: PortalRequest) -> HttpResponse:
        form = NewForm(request.POST)
        text = request.POST.get("text", "")
        if not form.is_valid():
            return self.page(form, text, 422)
        try:
            workflow = actions.create_workflow(request.project, by=request.member, **form.cleaned_data)
        except ProblemError as problem:
            add_problem(form, problem)
            return self.page(form, text, problem.status)
        messages.success(request, f"{workflow.name} is created, with a draft.")
        return redirect(url_of(request, "edit", workflow.pk))

    def page(self, form: NewForm, text: str, status: int = 200) -> HttpResponse:
        need_role(self.request, actions.create_workflow.role)
        checked = check_text(text, project=self.request.project)
        return render(self.request, "workflows/new.html", {"form": form, **side_panel(text, checked)}, status=status)


class Edit(WorkflowPage):
    """The draft, or the released text as the start of one."""

    role = "editor"

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        draft = self.workflow.find_draft()
        source = draft or self.workflow.current
        text = source.text if source else STARTING_TEXT
        initial = {"text": text, "edits": self.workflow.edits, "note": draft.note if draft else ""}
        return self.page(DraftForm(initial=initial), text)

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        """Save; with `then=release` also release, unless the draft is not valid. `test` and `compare` lead on there."""
        form = DraftForm(request.POST)
        if not form.is_valid():
            errors = [FieldError(name, str(message)) for name, found in form.errors.items() for message in found]
            return self.refused(form, InvalidInput("The draft was not saved.", errors=errors))
        sent = form.cleaned_data
        edits = sent["edits"] if sent["overwrite"] is None else sent["overwrite"]
        try:
            actions.save_draft(self.workflow, text=sent["text"], note=sent["note"], edits=edits, by=request.member)
        except ProblemError as problem:
            return self.refused(form, problem)
        then = {"release": self.release, "test": self.test, "compare": self.compare}
        return then.get(request.POST.get("then", ""), self.saved)(form)

    def test(self, form: DraftForm) -> HttpResponse:
        """To the start of a run of the draft, when it is one that can run."""
        text = form.cleaned_data["text"]
        errors = check_text(text, project=self.workflow.project, workflow=self.workflow).errors
        if errors:
            problem = InvalidInput(f"The draft is not valid: {errors[0].message}", errors=errors)
            return self.saved(form, problem, "tested")
        new = reverse("runs:new", args=[self.request.project.slug])
        return self.lead_on(f"{new}?workflow={self.workflow.pk}&draft=1")

    def compare(self, form: DraftForm) -> HttpResponse:
        return self.lead_on(self.url("diff"))

    def lead_on(self, url: str) -> HttpResponse:
        messages.success(self.request, "The draft is saved.")
        return redirect(url)

    def release(self, form: DraftForm) -> HttpResponse:
        workflow = self.workflow
        try:
            version = actions.release_draft(
                workflow, note=form.cleaned_data["note"], edits=workflow.edits, by=self.request.member
            )
        except ProblemError as problem:
            return self.saved(form, problem)
        messages.success(self.request, f"Version {version.number} is released.")
        return self.to("detail")

    def saved(self, form: DraftForm, problem: ProblemError | None = None, failed: str = "released") -> HttpResponse:
        """What comes after saving: with `problem`, why it is not `failed`."""
        heading = f"Saved, but not {failed}"
        if not is_partial(self.request):
            say = messages.warning if problem else messages.success
            say(self.request, f"{heading}: {problem.detail}" if problem else "The draft is saved.")
            return self.to("edit")
        response = self.state(form.cleaned_data["text"], problem=problem, heading=heading)
        text, tone = (f"{heading}.", "warning") if problem else ("The draft is saved.", "success")
        return toast(response, text, tone)

    def refused(self, form: DraftForm, problem: ProblemError) -> HttpResponse:
        """Nothing was written; what was typed stays in the page."""
        text, edits = request_text(self.request), self.request.POST.get("edits", "")
        if is_partial(self.request):
            return self.state(text, problem=problem, edits=edits, status=422)
        return self.page(form, text, problem=problem, status=problem.status)

    def state(self, text: str, *, status: int = 200, **context: Any) -> HttpResponse:
        checked = check_text(text, project=self.workflow.project, workflow=self.workflow)
        return self.show("workflows/_draft_state.html", status, **self.context(text, checked, **context))

    def page(
        self, form: DraftForm, text: str, *, status: int = 200, problem: ProblemError | None = None
    ) -> HttpResponse:
        checked = check_text(text, project=self.workflow.project, workflow=self.workflow)
        edits = form["edits"].value()
        return self.show(
            "workflows/edit.html",
            status,
            form=form,
            **self.context(text, checked, problem=problem, edits=edits),
        )

    def context(
        self,
        text: str,
        checked: Checked,
        *,
        problem: ProblemError | None = None,
        heading: str = "Not saved",
        edits: object = None,
    ) -> dict[str, Any]:
        """`edits` is what the page sends with its next save: what it was opened with, or the count after a save."""
        return {
            **side_panel(text, checked),
            "draft": self.workflow.find_draft(),
            "problem": problem,
            "heading": heading,
            "conflict": problem if isinstance(problem, Conflict) else None,
            "edits": self.workflow.edits if edits is None else edits,
            "partial": is_partial(self.request),
        }


def request_text(request: PortalRequest) -> str:
    return request.POST.get("text", "").replace("\r\n", "\n")


def side_panel(text: str, checked: Checked) -> dict[str, Any]:
    """What stands beside the editor: errors, steps, language."""
    return {
        "errors": checked.errors,
        "errors_json": json.dumps(as_dicts(checked.errors)),
        "steps": steps_of(checked.document or {}),
        "language": format_of(text),
    }
