"""Tools, agents and instances over JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from agents import actions
from agents.calls.context import Answer
from agents.calls.limits import use_of
from agents.catalogue import saving as catalogue
from agents.catalogue import serializers as shapes
from agents.catalogue.listing import AGENTS, INSTANCES, TOOLS
from agents.health.domain import health_of
from agents.models import Agent, Instance, Tool
from agents.trials import asking
from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.listing.page.api import ListEndpoint
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, body, refuse_fixed, shown
from controlplane.projects.requests.idempotency import idempotent


class ResourceList(ListEndpoint):
    """The list, and `POST` to create."""

    create: Callable[..., Any]

    def widen(self, queryset):
        return queryset.defer(None)

    @idempotent
    def post(self, request: Request) -> Response:
        sent = sent_by(request)
        project = self.project(sent.pop("project", None))
        made = self.create(project, by=self.actor(project), **sent, **self.more(project))
        return Response(self.get_serializer(made).data, status=201)

    def more(self, project: Project) -> dict[str, Any]:
        """What `create` is given beside what was sent."""
        return {}


class OneResource(Endpoint):
    """Read, replace, change, delete."""

    model: ClassVar[type[Tool] | type[Agent] | type[Instance]]
    whole: ClassVar[type[shapes.Body]]
    update: Callable[..., Any]
    remove: Callable[..., None]

    def entry(self, pk: int) -> Any:
        return self.find(self.model._default_manager.select_related("project"), pk=pk)

    def get(self, request: Request, pk: int) -> Response:
        return Response(self.get_serializer(self.entry(pk)).data)

    def put(self, request: Request, pk: int) -> Response:
        """Replace it: fields that need not be sent get their defaults."""
        entry = self.entry(pk)
        require(self.whole, sent_by(request))
        blank = catalogue.document_of(self.model())
        if getattr(entry, "min_replicas", None) is not None:
            del blank["max_concurrent"]
        return self.change(entry, blank)

    def patch(self, request: Request, pk: int) -> Response:
        """Change what is sent."""
        return self.change(self.entry(pk), {})

    def change(self, entry: Any, defaults: dict[str, Any]) -> Response:
        sent = sent_by(self.request)
        if sent.get("project") in (entry.project.slug, entry.project.pk, str(entry.project.pk)):
            del sent["project"]
        refuse_fixed(set(sent) - {*self.model.written(), "version_no", "url"}, self.request)
        changed = self.update(entry, by=self.actor(entry), **{**defaults, **sent}, **self.more(entry.project))
        return Response(self.get_serializer(changed).data)

    def more(self, project: Project) -> dict[str, Any]:
        """What `update` is given beside what was sent."""
        return {}

    def delete(self, request: Request, pk: int) -> Response:
        """Refused with 409 while something uses it; `dependents` in the answer says what."""
        entry = self.entry(pk)
        self.remove(entry, by=self.actor(entry))
        return Response(status=204)


def sent_by(request: Request) -> dict[str, Any]:
    """The body as it is; the actions check every field of it."""
    if not isinstance(request.data, dict):
        raise InvalidInput("Send a JSON object.")
    sent = dict(request.data)
    for name in ("by", "self", "subject", "examine"):
        if name in sent:
            raise InvalidInput.field(name, "There is no such field.", "unknown")
    version_no = sent.get("version_no")
    if version_no is not None and (isinstance(version_no, bool) or not isinstance(version_no, int)):
        raise InvalidInput.field("version_no", "This must be an integer.", "type")
    return sent


def require(whole: type[shapes.Body], sent: dict[str, Any]) -> None:
    """Raises InvalidInput naming the fields that a whole one has and `sent` has not."""
    missing = [name for name, field in whole().fields.items() if field.required and name not in sent]
    if missing:
        errors = [FieldError(name, "This field is required.", "required") for name in missing]
        raise InvalidInput(f"Send the whole of it: {', '.join(missing)} is missing.", errors=errors)


def trial(answer: Answer, duration_ms: int) -> Response:
    shown = {**vars(answer), "duration_ms": duration_ms}
    return Response(shapes.TrialSerializer(shown).data)


@extend_schema_view(post=extend_schema(request=shapes.ToolBody, responses={201: shapes.ToolSerializer}))
class Tools(ResourceList):
    listing = TOOLS
    serializer_class = shapes.ToolSerializer
    create = staticmethod(actions.create_tool)


@extend_schema_view(put=extend_schema(request=shapes.ToolBody), patch=extend_schema(request=shapes.ToolBody))
class OneTool(OneResource):
    model = Tool
    whole = shapes.ToolBody
    serializer_class = shapes.ToolSerializer
    update = staticmethod(actions.update_tool)
    remove = staticmethod(actions.delete_tool)


class ToolTrial(Endpoint):
    @extend_schema(request=shapes.TrialBody, responses=shapes.TrialSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Call the tool for real, for at most a minute; a call that fails answers 502 with the failure's kind."""
        tool = self.find(Tool.objects.select_related("project"), pk=pk)
        sent = body(shapes.TrialBody, request)
        return trial(*asking.answer_of(request._request, tool, input=sent["input"], by=self.actor(tool)))


@extend_schema_view(post=extend_schema(request=shapes.AgentBody, responses={201: shapes.AgentSerializer}))
class Agents(ResourceList):
    listing = AGENTS
    serializer_class = shapes.AgentSerializer
    create = staticmethod(actions.create_agent)


@extend_schema_view(put=extend_schema(request=shapes.AgentBody), patch=extend_schema(request=shapes.AgentBody))
class OneAgent(OneResource):
    model = Agent
    whole = shapes.AgentBody
    serializer_class = shapes.AgentSerializer
    update = staticmethod(actions.update_agent)
    remove = staticmethod(actions.delete_agent)


class AgentTrial(Endpoint):
    @extend_schema(request=shapes.TrialBody, responses=shapes.TrialSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Let the agent work for real, for at most a minute, on an input of `prompt`, `input` or both."""
        agent = self.find(Agent.objects.select_related("project"), pk=pk)
        sent = body(shapes.TrialBody, request)
        return trial(*asking.answer_of(request._request, agent, input=sent["input"], by=self.actor(agent)))


class HealthEndpoint(Endpoint):
    """What the last probe found, and `PUT` to switch probing on or off."""

    model: ClassVar[type[Tool] | type[Agent]]
    serializer_class = shapes.HealthSerializer

    @extend_schema(responses=shapes.HealthSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(shown(shapes.HealthSerializer, health_of(self.entry(pk))))

    @extend_schema(request=shapes.HealthBody, responses=shapes.HealthSerializer)
    def put(self, request: Request, pk: int) -> Response:
        entry, sent = self.entry(pk), body(shapes.HealthBody, request)
        if sent["probed"] != entry.probed or not self.actor(entry).may("editor", entry.project):
            switch = actions.start_probing if sent["probed"] else actions.stop_probing
            switch(entry, by=self.actor(entry))
        return Response(shown(shapes.HealthSerializer, health_of(entry)))

    def entry(self, pk: int) -> Any:
        return self.find(self.model._default_manager.select_related("project"), pk=pk)


class ToolLimits(Endpoint):
    @extend_schema(responses=shapes.UseSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How much of its limits is used now, by all workers together."""
        tool = self.find(Tool.objects.all(), pk=pk)
        return Response(shown(shapes.UseSerializer, use_of(catalogue.slot_key(tool))))


class AgentHealth(HealthEndpoint):
    model = Agent


class ToolHealth(HealthEndpoint):
    model = Tool


@extend_schema_view(post=extend_schema(request=shapes.InstanceBody, responses={201: shapes.InstanceSerializer}))
class Instances(ResourceList):
    listing = INSTANCES
    serializer_class = shapes.InstanceSerializer
    create = staticmethod(actions.create_instance)

    def more(self, project: Project) -> dict[str, Any]:
        return {"examine": asking.examined_for(self.request._request, project, self.actor(project))}


@extend_schema_view(put=extend_schema(request=shapes.InstanceBody), patch=extend_schema(request=shapes.InstanceBody))
class OneInstance(OneResource):
    model = Instance
    whole = shapes.InstanceBody
    serializer_class = shapes.InstanceSerializer
    update = staticmethod(actions.update_instance)
    remove = staticmethod(actions.delete_instance)

    def more(self, project: Project) -> dict[str, Any]:
        return {"examine": asking.examined_for(self.request._request, project, self.access.actor_in(project.pk))}


class InstanceTrial(Endpoint):
    @extend_schema(request=None, responses=shapes.ReportSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Connect and look, for at most five seconds. `ok` false with the problems is an answer, not an error."""
        instance = self.find(Instance.objects.select_related("project"), pk=pk)
        return Response(asking.report_of(request._request, instance, by=self.actor(instance)))
