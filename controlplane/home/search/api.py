"""The search for scripts."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.home.search.domain import cleaned, find_objects, findable
from controlplane.projects.requests.endpoints import Endpoint


class Found(serializers.Serializer):
    kind = serializers.ChoiceField([subject.kind for subject in findable()])
    id = serializers.IntegerField()
    name = serializers.CharField(source="label")
    note = serializers.CharField()
    project = serializers.CharField(help_text="The project's slug.")
    url = serializers.CharField(help_text="The page of it.")


class SearchAnswer(serializers.Serializer):
    results = Found(many=True)


PARAMETERS = [
    OpenApiParameter("q", str, description="A part of a name, the number of a run, or a tag of runs."),
    OpenApiParameter("project", str, description="Id or slug; without it everywhere you may look."),
]


class Search(Endpoint):
    serializer_class = SearchAnswer
    parameters = ("q", "project")

    @extend_schema(parameters=PARAMETERS, responses=SearchAnswer)
    def get(self, request: Request) -> Response:
        """Runs, workflows, agents, tools and instances, up to five of each."""
        project = request.query_params.get("project")
        who = self.access.actor_in(self.project(project).pk) if project else self.access
        hits = find_objects(who, cleaned(request.query_params.get("q", "")))
        return Response({"results": Found(hits, many=True).data})
