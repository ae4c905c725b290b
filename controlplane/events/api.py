"""The activity feed for scripts: the same cursors as `/ws/activity`, so that polling is a true fallback."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.events.queries import feed_after, latest_cursor, parse_cursor, recent
from controlplane.projects.requests.endpoints import MOST, PAGE, Endpoint, number


class Subject(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.IntegerField()
    seq = serializers.IntegerField(allow_null=True, help_text="The event's number in the stream of a run.")


class FeedFrame(serializers.Serializer):
    seq = serializers.CharField(help_text="The cursor, under the name that the socket uses.")
    type = serializers.CharField()
    at = serializers.DateTimeField()
    data: Any = serializers.DictField()
    cursor = serializers.CharField()
    project = serializers.IntegerField(allow_null=True, help_text="The project's id.")
    actor = serializers.CharField()
    subject = Subject()


class FeedPage(serializers.Serializer):
    results = FeedFrame(many=True)
    cursor = serializers.CharField(help_text="Send it back as `after`.")


class ActivityEndpoint(Endpoint):
    """`GET`: events oldest first. Without `after` the newest ones; `cursor` is where to go on."""

    parameters = ("after", "project", "limit")

    @extend_schema(
        parameters=[
            OpenApiParameter("after", str, description="Only what came after this `cursor`."),
            OpenApiParameter("project", str, description="Id or slug; all of yours without it."),
            OpenApiParameter("limit", int, description=f"Events, at most {MOST}; {PAGE} without it."),
        ],
        responses=FeedPage,
    )
    def get(self, request: Request) -> Response:
        params = request.query_params
        given = params.get("project")
        project_ids = [self.project(given).pk] if given else self.access.project_ids
        start = parse_cursor(params.get("after", ""))
        limit = number(params.get("limit"), "limit", PAGE, MOST)
        if params.get("after"):
            events = feed_after(project_ids, start, limit=limit)
        else:
            start = latest_cursor()
            events = recent(project_ids, limit=limit)[::-1]
        cursor = events[-1].cursor if events else start
        return Response({"results": [event.as_feed_frame() for event in events], "cursor": str(cursor)})
