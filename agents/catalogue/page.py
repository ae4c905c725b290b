"""Pages of tools, agents and instances: one set of views, told apart by a Resource."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from agents import actions
from agents.calls.limits import use_of
from agents.catalogue.dependents import Dependent, dependents_of
from agents.catalogue.listing import AGENTS, INSTANCES, TOOLS
from agents.catalogue.resources import AGENT, INSTANCE, TOOL, Editor, ResourcePageConfig
from agents.catalogue.saving import slot_key
from agents.deployments.domain import can_go_back, in_force
from agents.health.domain import health_of
from agents.models import Agent, Revision
from agents.trials import asking
from controlplane.domain.errors import InvalidInput, NotAllowed, NotFound, ProblemError
from controlplane.listing.declaration.fields import is_number
from controlplane.listing.page.page import Empty, ListPage
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest

VERSIONS_SHOWN = 20


class ToolList(ListPage):
    listing = TOOLS
    title = "Tools"
    note = "What workflows and models can do: calls with a declared input and output."
    icon = "tool"
    empty = Empty("No tools yet", "A tool is one call with a schema.", "New tool", "agents:tool_new", "editor")
    template_name = "agents/list.html"
    resource = TOOL


class AgentList(ListPage):
    listing = AGENTS
    title = "Agents"
    note = "Who does work: models with instructions and tools, remote agents, Python functions."
    icon = "agent"
    empty = Empty("No agents yet", "An agent works on a prompt or an input.", "New agent", "agents:new", "editor")
    template_name = "agents/list.html"
    resource = AGENT


class InstanceList(ListPage):
    listing = INSTANCES
    title = "Instances"
    note = "Databases and data files that queries read; none of them can be written to."
    icon = "instance"
    empty = Empty("No instances yet", "Connect a database.", "New instance", "agents:instance_new", "editor")
    template_name = "agents/list.html"
    resource = INSTANCE


class ResourceView(View):
    """The base of everything about one resource."""

    resource: ResourcePageConfig = TOOL
    request: PortalRequest

    def entry(self, pk: int) -> Any:
        """The row if the member may see it in this project. Raises NotFound."""
        rows = self.resource.model._default_manager.visible_to(self.request.member)
        row = rows.select_related("project").filter(pk=pk, project=self.request.project).first()
        if row is None:
            raise NotFound(f"There is no such {self.resource.word}.")
        return row

    def more(self) -> dict[str, Any]:
        """What saving is given beside what was typed."""
        if self.resource is not INSTANCE:
            return {}
        return {"examine": asking.examined_for(self.request, self.request.project, self.request.member)}

    def url(self, name: str, pk: int | None = None) -> str:
        return self.resource.url(name, self.request.project, pk)

    def show(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        links = {"list_url": self.url("list")}
        if "row" in context and context["row"] is not None:
            pk = context["row"].pk
            names = ["detail", "edit", "delete", "test", "enable", "disable"]
            names += ["health", "versions"] if hasattr(context["row"], "probed") else []
            links |= {f"{name}_url": self.url(name, pk) for name in names}
        shared = {"resource": self.resource, **links}
        shared |= {"can_edit": self.request.member.may("editor"), "can_delete": self.request.member.may("admin")}
        return render(self.request, template, {**shared, **context}, status=status)

    def require(self, role: str) -> None:
        if not self.request.member.may(role, self.request.project):
            raise NotAllowed(f"This needs the role {role} in this project.")


class ResourceDetail(ResourceView):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        revisions = self.revisions(row)
        return self.show(
            "agents/detail.html",
            row=row,
            kind=self.resource.kind(self.resource.kind_of(row)),
            dependents=linked(dependents_of(row), request),
            revisions=revisions[:VERSIONS_SHOWN],
            shown=self.version(revisions, request.GET.get("version", "")),
            enable=actions.enable,
            disable=actions.disable,
            **health_context(row),
            **self.limits(row),
            **self.operation(row),
            try_out=self.resource.try_out,
        )

    def limits(self, row: Any) -> dict[str, Any]:
        if self.resource is not TOOL or not (row.max_concurrent or row.calls_per_minute):
            return {}
        return {"use": use_of(slot_key(row)), "limits_url": self.url("limits", row.pk)}

    def operation(self, row: Any) -> dict[str, Any]:
        """What serves each environment, and how many replicas there are."""
        if not isinstance(row, Agent):
            return {}
        urls = {"deploy_url": self.url("deploy", row.pk), "scale_url": self.url("scale", row.pk)}
        deployed = {"deployed": in_force(row), "can_go_back": can_go_back(row)}
        return {**deployed, "replicas": use_of(slot_key(row)), **urls}

    def revisions(self, row: Any) -> Any:
        return row.revisions.all() if hasattr(row, "revisions") else Revision.objects.none()

    def version(self, revisions: Any, number: str) -> Revision | None:
        """The version asked for; None for the one in force. Raises NotFound."""
        if not number:
            return None
        found = revisions.filter(number=int(number)).first() if is_number(number, 9) else None
        if found is None:
            raise NotFound("There is no such version.")
        return found


class ResourceCreate(ResourceView):
    def get(self, request: PortalRequest) -> HttpResponse:
        self.require("editor")
        kind = request.GET.get("kind", "")
        if self.resource.kind(kind) is None:
            return self.show("agents/kinds.html", row=None, new_url=self.url("new"))
        return self.form(Editor(self.resource, kind, request.project))

    def post(self, request: PortalRequest) -> HttpResponse:
        self.require("editor")
        kind = request.GET.get("kind", "")
        if self.resource.kind(kind) is None:
            raise InvalidInput.field("kind", "Choose a kind first.", "required")
        editor = Editor(self.resource, kind, request.project, data=request.POST)
        made = editor.save(by=request.member, **self.more())
        if made is None:
            return self.form(editor, status=422)
        messages.success(request, f"The {self.resource.word} {made.name} was created.")
        return redirect(self.url("detail", made.pk))

    def form(self, editor: Editor, status: int = 200) -> HttpResponse:
        kind = self.resource.kind(editor.kind)
        return self.show("agents/form.html", status=status, row=None, editor=editor, kind=kind)


class ResourceEdit(ResourceView):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("editor")
        row = self.entry(pk)
        return self.form(Editor(self.resource, self.resource.kind_of(row), request.project, row))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("editor")
        row = self.entry(pk)
        editor = Editor(self.resource, self.resource.kind_of(row), request.project, row, request.POST)
        saved = editor.save(by=request.member, **self.more())
        if saved is None:
            return self.form(editor, status=409 if editor.conflict else 422)
        messages.success(request, f"Version {saved.version_no} of {saved.name} was saved.")
        return redirect(self.url("detail", pk))

    def form(self, editor: Editor, status: int = 200) -> HttpResponse:
        kind = self.resource.kind(editor.kind)
        return self.show("agents/form.html", status=status, row=editor.row, editor=editor, kind=kind)


class ResourceDelete(ResourceView):
    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        self.require("admin")
        return self.confirmation(self.entry(pk))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        try:
            self.resource.remove(row, by=request.member)
        except ProblemError as problem:
            if problem.code != "in_use":
                raise
            return self.confirmation(row, status=409)
        messages.success(request, f"The {self.resource.word} {row.name} was deleted.")
        return redirect(self.url("list"))

    def confirmation(self, row: Any, status: int = 200) -> HttpResponse:
        found = linked(dependents_of(row), self.request)
        versions = row.version_no
        return self.show("agents/deletion.html", status=status, row=row, dependents=found, versions=versions)


class ResourceToggle(ResourceView):
    """Enabling and disabling."""

    enabled = True

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        verb = actions.enable if self.enabled else actions.disable
        verb(row, by=request.member)
        messages.success(request, f"{row.name} is {'enabled' if self.enabled else 'disabled'}.")
        return redirect(self.url("detail", pk))


class ResourceHealth(ResourceView):
    """What the last probe found, for the page to fetch again; POST switches probing on (`?watch=1`) or off."""

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        if not is_partial(request):
            return redirect(self.url("detail", pk))
        return self.show("agents/_health.html", row=row, **health_context(row))

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        verb = actions.start_probing if request.GET.get("watch") == "1" else actions.stop_probing
        verb(row, by=request.member)
        messages.success(request, f"The health of {row.name} is {'watched' if row.probed else 'not watched any more'}.")
        return redirect(self.url("detail", pk))


def health_context(row: Any) -> dict[str, Any]:
    if not hasattr(row, "probed"):
        return {"health": {True: "healthy", False: "unhealthy", None: "unknown"}[row.is_healthy]}
    switch, query = (actions.stop_probing, "?watch=0") if row.probed else (actions.start_probing, "?watch=1")
    return {"health": health_of(row), "switch_probing": switch, "switch_query": query}


class ToolLimits(ResourceView):
    """How much of its limits is used now, for the page to fetch again."""

    resource = TOOL

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        if not is_partial(request):
            return redirect(self.url("detail", pk))
        return self.show("agents/_limits.html", row=row, use=use_of(slot_key(row)), limits_url=self.url("limits", pk))


class InstanceTrial(ResourceView):
    resource = INSTANCE

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        report = asking.report_of(request, row, by=request.member)
        if report["ok"]:
            messages.success(request, f"{row.name} answered in {report['latency_ms']} ms.")
        else:
            messages.error(request, f"{row.name} cannot be used: {report['problems'][0]}")
        return redirect(self.url("detail", pk))


def linked(dependents: list[Dependent], request: PortalRequest) -> list[tuple[Dependent, str]]:
    """(dependent, its page)."""
    slug = request.project.slug
    return [(one, reverse(one.url_name, kwargs={"project": slug, "pk": one.pk})) for one in dependents]
