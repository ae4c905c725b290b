"""The activity feed for scripts: the same cursors as `/ws/activity`, so that polling is a true fallback."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.events.queries import feed_after, latest_cursor, parse_cursor, recent
from controlplane.projects.endpoints import MOST, PAGE, Endpoint, find_project, number


class ActivityEndpoint(Endpoint):
    """`GET`: events oldest first. Without `after` the newest ones; `cursor` is where to go on."""

    parameters = ("after", "project", "limit")

    @extend_schema(
        parameters=[OpenApiParameter(name) for name in parameters],
        responses={200: {"type": "object", "properties": {"results": {"type": "array"}, "cursor": {"type": "string"}}}},
    )
    def get(self, request: Request) -> Response:
        params = request.query_params
        self.refuse_unknown(*self.parameters)
        given = params.get("project")
        project_ids = [find_project(self.access, given).pk] if given else self.access.project_ids
        start = parse_cursor(params.get("after", ""))
        limit = number(params.get("limit"), "limit", PAGE, MOST)
        if params.get("after"):
            events = feed_after(project_ids, start, limit=limit)
        else:
            start = latest_cursor()
            events = recent(project_ids, limit=limit)[::-1]
        cursor = events[-1].cursor if events else start
        return Response({"results": [event.as_feed_frame() for event in events], "cursor": str(cursor)})
