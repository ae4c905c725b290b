"""Deploying and scaling agents, on pages and over JSON."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import actions
from agents.catalogue import serializers as shapes
from agents.catalogue.page import ResourceView
from agents.catalogue.resources import AGENT
from agents.catalogue.versions import find_revision
from agents.models import Agent
from controlplane.domain.errors import InvalidInput
from controlplane.domain.words import counted
from controlplane.projects.requests.endpoints import Endpoint, body, shown
from controlplane.ui.request import PortalRequest


class AgentDeploy(ResourceView):
    """POST `environment` and `version`, or `roll_back`."""

    resource = AGENT

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        agent, environment = self.entry(pk), request.POST.get("environment", "")
        if request.POST.get("roll_back"):
            made = actions.roll_back_agent(agent, environment=environment, by=request.member)
        else:
            revision = find_revision(agent, request.POST.get("version", ""))
            note = request.POST.get("note", "").replace("\x00", "")[:500]
            made = actions.deploy_agent(agent, environment=environment, revision=revision, note=note, by=request.member)
        messages.success(request, f"Version {made.revision.number} serves {made.environment} now.")
        return redirect(self.url("detail", pk))


class AgentScale(ResourceView):
    """POST `min`, `max` and `desired`."""

    resource = AGENT

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        agent = self.entry(pk)
        least, most, desired = (whole(request.POST, name) for name in ("min", "max", "desired"))
        saved = actions.scale_agent(agent, least=least, most=most, desired=desired, by=request.member)
        messages.success(request, f"{saved.name} has {counted(saved.max_concurrent or 0, 'replicas')} now.")
        return redirect(self.url("detail", pk))


class AgentEndpoint(Endpoint):
    def agent(self, pk: int) -> Any:
        return self.find(Agent.objects.select_related("project"), pk=pk)


class Deploy(AgentEndpoint):
    @extend_schema(request=shapes.DeployBody, responses={201: shapes.DeploymentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Runs of the environment that start from now on use this version."""
        agent = self.agent(pk)
        sent = body(shapes.DeployBody, request)
        where = {"environment": sent["environment"], "by": self.actor(agent)}
        if sent["roll_back"]:
            made = actions.roll_back_agent(agent, **where)
        else:
            revision = find_revision(agent, str(sent.get("version", "current")))
            made = actions.deploy_agent(agent, **where, revision=revision, note=sent["note"])
        return Response(shown(shapes.DeploymentSerializer, made), status=201)


class Deployments(AgentEndpoint):
    parameters = ("limit", "cursor")

    @extend_schema(responses=shapes.DeploymentSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every deployment, the oldest first; the last one of an environment serves it."""
        return self.page(self.agent(pk).deployments.select_related("revision"), shapes.DeploymentSerializer)


class Scale(AgentEndpoint):
    @extend_schema(responses=shapes.ScaleSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(shown(shapes.ScaleSerializer, self.agent(pk)))

    @extend_schema(request=shapes.ScaleBody, responses=shapes.ScaleSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """How many replicas there are now, and between which numbers the portal scales by itself."""
        agent, sent = self.agent(pk), body(shapes.ScaleBody, request)
        given = {"least": sent["min"], "most": sent["max"], "desired": sent["desired"]}
        return Response(shown(shapes.ScaleSerializer, actions.scale_agent(agent, **given, by=self.actor(agent))))


def whole(values: Any, name: str) -> int:
    """Raises InvalidInput for anything but digits, at most nine."""
    text = values.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput.field(name, "This is a whole number.")
    return int(text)
