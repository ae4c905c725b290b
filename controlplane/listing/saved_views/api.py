"""The JSON API of saved views."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.listing import actions
from controlplane.listing.models import SavedView
from controlplane.projects.requests.endpoints import PAGING, Endpoint, StrictSerializer, body
from controlplane.projects.requests.idempotency import idempotent


class SavedViewSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    list = serializers.CharField(source="listing")
    owner = serializers.CharField(source="owner.username")

    class Meta:
        model = SavedView
        fields = ["id", "project", "list", "slug", "name", "query", "is_shared", "is_default", "owner"]
        fields += ["created_at", "updated_at", "updated_by"]


class NewSavedView(StrictSerializer):
    project = serializers.CharField(required=False)
    list = serializers.CharField(max_length=40, help_text="`runs`, `workflows`, `agents`, …")
    name = serializers.CharField(max_length=63)
    query = serializers.CharField(max_length=4000, allow_blank=True, default="")
    is_shared = serializers.BooleanField(default=False)


class SavedViewChange(StrictSerializer):
    name = serializers.CharField(max_length=63, required=False)
    query = serializers.CharField(max_length=4000, allow_blank=True, required=False)
    is_shared = serializers.BooleanField(required=False)
    is_default = serializers.BooleanField(required=False)


class SavedViewsEndpoint(Endpoint):
    parameters = ("project", "list", *PAGING)

    @extend_schema(
        parameters=[
            OpenApiParameter("project", str, description="Id or slug; not needed when you reach one only."),
            OpenApiParameter("list", str, description="Only those of this list, such as runs."),
        ],
        responses=SavedViewSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        project = self.project(request.query_params.get("project"))
        views = SavedView.objects.visible_to(self.access).filter(project=project).select_related("project", "owner")
        noun = request.query_params.get("list", "").replace("\x00", "")
        return self.page(views.filter(listing=noun) if noun else views, SavedViewSerializer)

    @extend_schema(request=NewSavedView, responses={201: SavedViewSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        sent = body(NewSavedView, request)
        project = self.project(sent.pop("project", None))
        view = actions.save_view(project, listing=sent.pop("list"), **sent, by=self.actor(project))
        return Response(SavedViewSerializer(view).data, status=status.HTTP_201_CREATED)


class SavedViewEndpoint(Endpoint):
    serializer_class = SavedViewSerializer

    def view(self, pk: int) -> SavedView:
        return self.find(SavedView.objects.select_related("project", "owner"), pk=pk)

    @extend_schema(responses=SavedViewSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(SavedViewSerializer(self.view(pk)).data)

    @extend_schema(request=SavedViewChange, responses=SavedViewSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        view = self.view(pk)
        changed = actions.change_view(view, **body(SavedViewChange, request), by=self.actor(view))
        return Response(SavedViewSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        view = self.view(pk)
        actions.delete_view(view, by=self.actor(view))
        return Response(status=status.HTTP_204_NO_CONTENT)
