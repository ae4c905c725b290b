"""Workflows over JSON."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from controlplane.domain.action import Actor
from controlplane.domain.errors import InvalidInput, NotFound
from controlplane.listing.reading import Reading
from controlplane.projects.models import Project
from workflows import actions
from workflows import serializers as shapes
from workflows.comparison import compare, find_version
from workflows.lists import WORKFLOWS
from workflows.models import Workflow
from workflows.queries import STARTING_TEXT, check_text

CONFIRM = OpenApiParameter("confirm", str, description="The workflow's name, when it has runs.")


def access_of(request: Request) -> Any:
    return request._request.access


def read_body(shape: type[Serializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
    body = shape(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    return body.validated_data


def find_workflow(request: Request, pk: int) -> tuple[Workflow, Actor]:
    """The workflow, and who asks for it. NotFound when it is not theirs to see."""
    workflow = Workflow.objects.for_list().visible_to(access_of(request)).filter(pk=pk).first()
    if workflow is None:
        raise NotFound("There is no such workflow.")
    return workflow, access_of(request).actor_in(workflow.project_id)


def find_project(request: Request, given: str) -> Project:
    """The project with this id or slug; the only one of a caller who has one."""
    projects = Project.objects.visible_to(access_of(request))
    if given:
        number = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
        found = projects.filter(slug=given).first() or projects.filter(pk=number).first()
        if found is None:
            raise InvalidInput.field("project", "There is no such project.", "unknown_project")
        return found
    mine = list(projects[:2])
    if len(mine) != 1:
        raise InvalidInput.field("project", "Name the project, by id or slug.", "required")
    return mine[0]


def whole(workflow: Workflow) -> dict[str, Any]:
    fresh = Workflow.objects.for_list().get(pk=workflow.pk)
    return shapes.FullWorkflowSerializer(fresh).data


def verdict(errors: list[Any]) -> Response:
    return Response({"valid": not errors, "errors": [error.as_dict() for error in errors]})


class Workflows(APIView):
    serializer_class = shapes.WorkflowSerializer

    @extend_schema(responses=shapes.WorkflowSerializer(many=True))
    def get(self, request: Request) -> Response:
        reading = Reading(WORKFLOWS, request.query_params, who=access_of(request))
        reading.refuse_unknown()
        rows = shapes.WorkflowSerializer(reading.page.rows, many=True).data
        return page_of(request, rows, reading.page.next, reading.page.previous)

    @extend_schema(request=shapes.NewWorkflowBody, responses={201: shapes.FullWorkflowSerializer})
    def post(self, request: Request) -> Response:
        body = read_body(shapes.NewWorkflowBody, request)
        project = find_project(request, body.pop("project", ""))
        text = body.pop("specification", STARTING_TEXT)
        by = access_of(request).actor_in(project.pk)
        workflow = actions.create_workflow(project, text=text, by=by, **body)
        return Response(whole(workflow), status=201)


class OneWorkflow(APIView):
    serializer_class = shapes.FullWorkflowSerializer

    def get(self, request: Request, pk: int) -> Response:
        workflow, _ = find_workflow(request, pk)
        return Response(shapes.FullWorkflowSerializer(workflow).data)

    @extend_schema(request=shapes.DetailsBody)
    def put(self, request: Request, pk: int) -> Response:
        """Replace name, description, tags and draft."""
        return self.change(request, pk, partial=False)

    @extend_schema(request=shapes.DetailsBody)
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is given; a specification becomes the draft."""
        return self.change(request, pk, partial=True)

    def change(self, request: Request, pk: int, *, partial: bool) -> Response:
        workflow, by = find_workflow(request, pk)
        body = read_body(shapes.DetailsBody, request, partial=partial)
        edits, text = body.pop("edits", None), body.pop("specification", None)
        with transaction.atomic():
            if body:
                details = {name: getattr(workflow, name) for name in ("name", "description", "tags")}
                actions.update_workflow(workflow, by=by, **{**details, **body})
            if text is not None:
                actions.save_draft(workflow, text=text, edits=edits, by=by)
        return Response(whole(workflow))

    @extend_schema(parameters=[CONFIRM], responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = find_workflow(request, pk)
        actions.delete_workflow(workflow, confirm=request.query_params.get("confirm", ""), by=by)
        return Response(status=204)


class Publication(APIView):
    @extend_schema(request=shapes.PublishBody, responses=shapes.FullWorkflowSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Release the draft."""
        workflow, by = find_workflow(request, pk)
        actions.release_draft(workflow, by=by, **read_body(shapes.PublishBody, request))
        return Response(whole(workflow))


class Draft(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = find_workflow(request, pk)
        actions.discard_draft(workflow, by=by)
        return Response(status=204)


class Archive(APIView):
    @extend_schema(request=None, responses=shapes.FullWorkflowSerializer)
    def post(self, request: Request, pk: int) -> Response:
        workflow, by = find_workflow(request, pk)
        actions.archive_workflow(workflow, by=by)
        return Response(whole(workflow))

    @extend_schema(responses=shapes.FullWorkflowSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = find_workflow(request, pk)
        actions.unarchive_workflow(workflow, by=by)
        return Response(whole(workflow))


class Copies(APIView):
    @extend_schema(request=shapes.NameBody, responses={201: shapes.FullWorkflowSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Duplicate it under another name."""
        workflow, by = find_workflow(request, pk)
        copy = actions.duplicate_workflow(workflow, by=by, **read_body(shapes.NameBody, request))
        return Response(whole(copy), status=201)


class TextCheck(APIView):
    @extend_schema(request=shapes.ValidateTextBody, responses=shapes.VerdictSerializer)
    def post(self, request: Request) -> Response:
        """Check a specification that is saved nowhere."""
        body = read_body(shapes.ValidateTextBody, request)
        project = find_project(request, body.get("project", ""))
        return verdict(check_text(body["specification"], project=project).errors)


class WorkflowCheck(APIView):
    @extend_schema(request=shapes.ValidateBody, responses=shapes.VerdictSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Check the specification given, else the draft, else the released version against what exists now."""
        workflow, _ = find_workflow(request, pk)
        text = read_body(shapes.ValidateBody, request).get("specification")
        if text is None:
            text = (workflow.find_draft() or workflow.current).text
        return verdict(check_text(text, project=workflow.project, workflow=workflow).errors)


class Versions(APIView):
    @extend_schema(responses=shapes.VersionSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every version, the newest first; `limit` and `before` (a number) page through them."""
        workflow, _ = find_workflow(request, pk)
        limit, before = number_of(request, "limit", 50, 200), number_of(request, "before", 2**31 - 1)
        found = list(workflow.versions.filter(number__lt=before).defer("text", "document")[: limit + 1])
        rows = shapes.VersionSerializer(found[:limit], many=True).data
        following = request.query_params.copy()
        following["before"] = str(found[limit - 1].number) if len(found) > limit else ""
        following_url = request.build_absolute_uri(f"?{following.urlencode()}") if following["before"] else None
        return Response({"results": rows, "next": following_url, "previous": None})


class OneVersion(APIView):
    @extend_schema(responses=shapes.FullVersionSerializer)
    def get(self, request: Request, pk: int, number: int) -> Response:
        workflow, _ = find_workflow(request, pk)
        return Response(shapes.FullVersionSerializer(find_version(workflow, str(number))).data)


class Restoration(APIView):
    @extend_schema(request=None, responses={201: shapes.FullVersionSerializer})
    def post(self, request: Request, pk: int, number: int) -> Response:
        """Copy an old version into a new draft."""
        workflow, by = find_workflow(request, pk)
        draft = actions.restore_version(find_version(workflow, str(number)), by=by)
        return Response(shapes.FullVersionSerializer(draft).data, status=201)


class Diff(APIView):
    @extend_schema(
        parameters=[OpenApiParameter(name, str, description="A number, draft or current.") for name in ("from", "to")],
        responses=shapes.DiffSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What changed; by default from the released version to the draft."""
        workflow, _ = find_workflow(request, pk)
        query = request.query_params
        old = find_version(workflow, query.get("from", "current"))
        new = find_version(workflow, query.get("to", "draft"))
        return Response(shapes.DiffSerializer(compare(old, new)).data)


def number_of(request: Request, name: str, default: int, most: int = 2**31 - 1) -> int:
    text = request.query_params.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:12]) <= most):
        raise InvalidInput.field(name, f"Give a number from 1 to {most:,}.")
    return int(text)


def page_of(request: Request, rows: Any, following: str, previous: str) -> Response:
    def url(cursor: str) -> str | None:
        params: QueryDict = request.query_params.copy()
        params["cursor"] = cursor
        return request.build_absolute_uri(f"?{params.urlencode()}") if cursor else None

    return Response({"results": rows, "next": url(following), "previous": url(previous)})
