"""Pages of workflows and their versions. The editor has a file of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from controlplane.domain.action import foresee
from controlplane.domain.comparison import compare
from controlplane.domain.errors import Conflict, NotAllowed, NotFound, ProblemError
from controlplane.listing.page.page import Empty, ListPage
from controlplane.projects.requests.endpoints import number
from controlplane.ui.request import PortalRequest
from workflows import actions
from workflows.forms import ChangedDetailsForm, CopyForm, DeleteForm, ReleaseForm, add_problem
from workflows.library.dependencies import find_dependents
from workflows.library.listing import WORKFLOWS
from workflows.library.versions import find_version
from workflows.models import Version, Workflow
from workflows.queries import check_text
from workflows.specification.drawing import draw
from workflows.specification.outline import parameters_of, steps_of

VERSIONS_SHOWN = 10
# What the buttons of these pages ask about, all at once.
VERBS = (actions.archive_workflow, actions.delete_workflow, actions.discard_draft, actions.release_draft)


class WorkflowList(ListPage):
    listing = WORKFLOWS
    title = "Workflows"
    icon = "workflow"
    template_name = "workflows/list.html"
    empty = Empty(
        "No workflows yet",
        "A workflow says which steps a run takes, and in which order.",
        action="New workflow",
        url_name="workflows:new",
        role="editor",
    )

    def extra_context(self) -> dict[str, Any]:
        return rights(self.request)


class WorkflowPage(View):
    """The base of every page of one workflow: finds it, or answers 404."""

    request: PortalRequest
    workflow: Workflow
    role = "viewer"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = Workflow.objects.for_list().visible_to(request.member)
        workflow = rows.filter(pk=kwargs["pk"]).first()
        if workflow is None:
            raise NotFound("There is no such workflow, or it is not yours to see.")
        need_role(request, self.role)
        self.workflow = workflow

    def show(self, template: str, status: int = 200, **context: Any) -> HttpResponse:
        context = {"workflow": self.workflow, "verbs": actions, **rights(self.request), **context}
        return render(self.request, template, context, status=status)

    def show_with_verbs(self, template: str, status: int = 200, **context: Any) -> HttpResponse:
        """A page with the buttons of VERBS."""
        foresee([self.workflow], *VERBS)
        can_archive = actions.archive_workflow.allowed(self.workflow, self.request.member) is None
        return self.show(template, status, can_archive=can_archive, **context)

    def url(self, name: str, *args: object) -> str:
        return url_of(self.request, name, self.workflow.pk, *args)

    def to(self, name: str = "detail") -> HttpResponse:
        return redirect(self.url(name))


def url_of(request: PortalRequest, name: str, *args: object) -> str:
    return reverse(f"workflows:{name}", args=[request.project.slug, *args])


def need_role(request: PortalRequest, role: str) -> None:
    if not request.member.may(role):
        raise NotAllowed(f"This page needs the role {role} in this project.")


def rights(request: PortalRequest) -> dict[str, bool]:
    """What the member's role reaches; the state is for the template to ask."""
    roles = {"can_run": "operator", "can_edit": actions.save_draft.role, "can_delete": actions.delete_workflow.role}
    return {name: request.member.may(role) for name, role in roles.items()}


class Detail(WorkflowPage):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        workflow, draft = self.workflow, self.workflow.find_draft()
        shown = workflow.current or draft
        versions = list(workflow.versions.defer("text", "document")[: VERSIONS_SHOWN + 1])
        return self.show_with_verbs(
            "workflows/detail.html",
            draft=draft,
            problems=problems_of(workflow, draft),
            shown=shown,
            versions=versions[:VERSIONS_SHOWN],
            has_more_versions=len(versions) > VERSIONS_SHOWN,
            **anatomy(shown),
        )


class VersionList(WorkflowPage):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        return self.show("workflows/versions.html", versions=self.workflow.versions.defer("text", "document"))


class OneVersion(WorkflowPage):
    def get(self, request: PortalRequest, pk: int, number: int) -> HttpResponse:
        version = find_version(self.workflow, str(number))
        return self.show("workflows/version.html", version=version, **anatomy(version))


class Restoration(WorkflowPage):
    def post(self, request: PortalRequest, pk: int, number: int) -> HttpResponse:
        version = find_version(self.workflow, str(number))
        try:
            draft = actions.restore_version(version, by=request.member)
        except Conflict as problem:
            messages.error(request, problem.detail)
            return redirect(self.url("version", number))
        messages.success(request, f"Version {number} is the draft now, as version {draft.number}.")
        return self.to("edit")


class DiffPage(WorkflowPage):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        """`?from=` and `?to=`: numbers, `current` or `draft`."""
        workflow = self.workflow
        numbers = list(workflow.versions.values_list("number", flat=True)[:2])
        default = numbers[-1] if workflow.current is None else workflow.current.number
        old = find_version(workflow, request.GET.get("from") or str(default))
        new = find_version(workflow, request.GET.get("to") or str(numbers[0]))
        versions = workflow.versions.defer("text", "document")
        choices = [(version.number, version.state) for version in versions]
        return self.show("workflows/diff.html", comparison=compare(old, new), choices=choices)


class Release(WorkflowPage):
    """What will change, and a note."""

    role = "editor"

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        draft = find_version(self.workflow, "draft")
        return self.page(ReleaseForm(initial={"edits": self.workflow.edits, "note": draft.note}))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        form = ReleaseForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422)
        sent = form.cleaned_data
        try:
            version = actions.release_draft(self.workflow, note=sent["note"], edits=sent["edits"], by=request.member)
        except Conflict as problem:
            # The page shows the draft as it is now, so what is sent next is about that one.
            form = ReleaseForm(initial={"edits": problem.extra.get("edits"), "note": sent["note"]})
            return self.page(form, problem.status, problem)
        except ProblemError as problem:
            add_problem(form, problem)
            return self.page(form, problem.status)
        messages.success(request, f"Version {version.number} is released.")
        return self.to()

    def page(self, form: ReleaseForm, status: int = 200, conflict: Conflict | None = None) -> HttpResponse:
        workflow = self.workflow
        draft = find_version(workflow, "draft")
        comparison = compare(find_version(workflow, "current"), draft) if workflow.current_id else None
        problems = problems_of(workflow, draft)
        context = {"form": form, "draft": draft, "comparison": comparison, "problems": problems, "conflict": conflict}
        return self.show("workflows/release.html", status, **context)


class Details(WorkflowPage):
    """Name, description, tags."""

    role = "editor"

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        workflow = self.workflow
        initial = {name: getattr(workflow, name) for name in ("name", "description", "tags", "edits")}
        return self.show("workflows/details_form.html", form=ChangedDetailsForm(initial=initial))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        form = ChangedDetailsForm(request.POST)
        return self.act(form, "workflows/details_form.html", actions.update_workflow)

    def act(self, form: Any, template: str, verb: Any) -> HttpResponse:
        """`verb` with what `form` holds; the page again when either refuses. Leads to what the verb returns."""
        if not form.is_valid():
            return self.show(template, 422, form=form)
        try:
            workflow = verb(self.workflow, by=self.request.member, **form.cleaned_data)
        except ProblemError as problem:
            conflict = problem if problem.code == "edited_meanwhile" else None
            if conflict is None:
                add_problem(form, problem)
            return self.show(template, problem.status, form=form, conflict=conflict)
        messages.success(self.request, f"{workflow.name} is saved.")
        return redirect(url_of(self.request, "detail", workflow.pk))


class Copy(Details):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        return self.show("workflows/copy.html", form=CopyForm(initial={"name": f"{self.workflow.name[:58]}-copy"}))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        return self.act(CopyForm(request.POST), "workflows/copy.html", actions.duplicate_workflow)


class Archive(WorkflowPage):
    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        actions.archive_workflow(self.workflow, by=request.member)
        messages.success(request, f"{self.workflow.name} is archived.")
        return self.to()


class Unarchive(WorkflowPage):
    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        actions.unarchive_workflow(self.workflow, by=request.member)
        messages.success(request, f"{self.workflow.name} is back.")
        return self.to()


class DraftDiscard(WorkflowPage):
    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        """`?edits=` is what the page showed: a draft that somebody saved since is not thrown away."""
        edits = number(request.GET.get("edits"), "edits", 0, 2**31 - 1, 0) if request.GET.get("edits") else None
        try:
            actions.discard_draft(self.workflow, edits=edits, by=request.member)
        except Conflict as problem:
            messages.error(request, problem.detail)
            return self.to()
        messages.success(request, "The draft is discarded.")
        return self.to()


class Delete(WorkflowPage):
    """Says how many runs would go too, and asks for the name when there are any."""

    role = "admin"

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        return self.page(DeleteForm())

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        form = DeleteForm(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        try:
            actions.delete_workflow(self.workflow, confirm=form.cleaned_data["confirm"], by=request.member)
        except ProblemError as problem:
            add_problem(form, problem)
            return self.page(form, problem.status)
        messages.success(request, f"{self.workflow.name} is deleted.")
        return redirect(url_of(request, "list"))

    def page(self, form: DeleteForm, status: int = 200) -> HttpResponse:
        workflow = self.workflow
        live, versions = workflow.runs.live().count(), workflow.versions.count()
        users = find_dependents("workflow", workflow.project_id, workflow.name)
        counts = {"runs": workflow.runs.count(), "live": live, "versions": versions}
        return self.show_with_verbs("workflows/delete.html", status, form=form, users=users, **counts)


def problems_of(workflow: Workflow, draft: Version | None) -> list[Any]:
    """What keeps the draft from being released."""
    return check_text(draft.text, project=workflow.project, workflow=workflow).errors if draft else []


def anatomy(version: Version | None) -> dict[str, Any]:
    """Steps, parameters and drawing of a version, for the templates."""
    document = version.specification if version else {}
    steps = steps_of(document)
    return {"steps": steps, "parameters": parameters_of(document), "drawing": draw(steps), "document": document}
