"""Versions of a tool or an agent on pages and over JSON: every one, any two beside each other, and back to one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import actions
from agents.catalogue import serializers as shapes
from agents.catalogue.page import ResourceView
from agents.models import Agent, Revision, Tool
from controlplane.domain.comparison import Comparison, compare
from controlplane.domain.errors import NotFound
from controlplane.listing.declaration.fields import is_number
from controlplane.projects.requests.endpoints import Endpoint, shown
from controlplane.ui.request import PortalRequest

MOST_CHOICES = 500


def find_revision(row: Tool | Agent, name: str) -> Revision:
    """The version of that number; `current` is the one in force. Raises NotFound."""
    wanted = str(row.version_no) if name == "current" else name
    found = row.revisions.filter(number=int(wanted)).first() if is_number(wanted, 9) else None
    if found is None:
        raise NotFound(f"{row.name} has no version {name[:20]}.")
    return found


def compared(row: Tool | Agent, old: str, new: str) -> Comparison:
    """From version `old` to `new`; without them from the one before to the one in force."""
    latest = new or "current"
    before = old or str(max(1, find_revision(row, latest).number - 1))
    return compare(find_revision(row, before), find_revision(row, latest))


class ResourceVersions(ResourceView):
    """Any two versions beside each other."""

    def get(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        comparison = compared(row, request.GET.get("from", ""), request.GET.get("to", ""))
        choices = row.revisions.values_list("number", "created_by")[:MOST_CHOICES]
        restore_url = self.url("restore", pk)
        return self.show("agents/comparison.html", row=row, comparison=comparison, choices=choices,
                         restore=actions.restore_revision, restore_url=restore_url)  # fmt: skip


class ResourceRestore(ResourceView):
    """Back to an old version, as the next one."""

    def post(self, request: PortalRequest, pk: int) -> HttpResponse:
        row = self.entry(pk)
        revision = find_revision(row, request.POST.get("version", ""))
        saved = actions.restore_revision(row, revision=revision, by=request.member)
        messages.success(request, f"Version {revision.number} is in force again, as version {saved.version_no}.")
        return redirect(self.url("detail", pk))


class VersionsEndpoint(Endpoint):
    """The base of everything below …/ID/versions."""

    model: type[Tool] | type[Agent] = Tool

    def entry(self, pk: int) -> Any:
        return self.find(self.model._default_manager.select_related("project"), pk=pk)


class Versions(VersionsEndpoint):
    parameters = ("limit", "cursor")

    @extend_schema(responses=shapes.RevisionSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every version, the oldest first, with its configuration."""
        return self.page(self.entry(pk).revisions.all(), shapes.RevisionSerializer)


class Restoration(VersionsEndpoint):
    @extend_schema(request=None, responses=shapes.RevisionSerializer)
    def post(self, request: Request, pk: int, number: int) -> Response:
        """Take the configuration of an old version as the next one."""
        entry = self.entry(pk)
        saved = actions.restore_revision(entry, revision=find_revision(entry, str(number)), by=self.actor(entry))
        return Response(shown(shapes.RevisionSerializer, find_revision(saved, "current")))


class RevisionDiff(VersionsEndpoint):
    parameters = ("from", "to")

    @extend_schema(
        parameters=[OpenApiParameter(name, str, description="A number, or current.") for name in ("from", "to")],
        responses=shapes.RevisionDiffSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What changed; by default from the version before to the one in force."""
        query = request.query_params
        comparison = compared(self.entry(pk), query.get("from", ""), query.get("to", ""))
        return Response(shapes.RevisionDiffSerializer(comparison).data)
