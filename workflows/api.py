"""Workflows over JSON."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.action import Actor
from controlplane.domain.comparison import compare
from controlplane.listing.page.api import ListEndpoint
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, body, number
from controlplane.projects.requests.idempotency import idempotent
from workflows import actions
from workflows import serializers as shapes
from workflows.actions.writing import lock
from workflows.exchange.domain import document_of, read_definition
from workflows.library.listing import WORKFLOWS
from workflows.library.versions import find_exported, find_version
from workflows.models import Workflow
from workflows.queries import STARTING_TEXT, check_text

PAGE_OF_VERSIONS = [
    OpenApiParameter("limit", int, description="At most 200; 50 without it."),
    OpenApiParameter("before", int, description="Only versions with smaller numbers."),
]
CONFIRM = OpenApiParameter("confirm", str, description="The workflow's name, when it has runs.")


def whole(workflow: Workflow) -> dict[str, Any]:
    fresh = Workflow.objects.for_list().get(pk=workflow.pk)
    return shapes.FullWorkflowSerializer(fresh).data


def verdict(errors: list[Any]) -> Response:
    return Response({"valid": not errors, "errors": [error.as_dict() for error in errors]})


class Workflows(ListEndpoint):
    listing = WORKFLOWS
    serializer_class = shapes.WorkflowSerializer

    @extend_schema(request=shapes.NewWorkflowBody, responses={201: shapes.FullWorkflowSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a workflow with a draft; without a specification it starts with a small one that is valid."""
        sent = body(shapes.NewWorkflowBody, request)
        project = self.project(sent.pop("project", None))
        text = sent.pop("specification", STARTING_TEXT)
        workflow = actions.create_workflow(project, text=text, by=self.actor(project), **sent)
        return Response(whole(workflow), status=201)


class Import(Endpoint):
    @extend_schema(request=shapes.ImportBody, responses={201: shapes.FullWorkflowSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """A new workflow from a document that an export made; its draft says in `errors` what is missing here."""
        sent = body(shapes.ImportBody, request)
        project = self.project(sent.get("project"))
        definition = read_definition(sent["document"])
        workflow = actions.import_workflow(project, definition, name=sent.get("name", ""), by=self.actor(project))
        return Response(whole(workflow), status=201)


class WorkflowEndpoint(Endpoint):
    """The base of everything below /workflows/ID."""

    serializer_class = shapes.FullWorkflowSerializer

    def workflow(self, pk: int) -> tuple[Workflow, Actor]:
        """The workflow, and its `by`. Raises NotFound when it is not the caller's to see."""
        workflow = self.find(Workflow.objects.for_list(), pk=pk)
        return workflow, self.actor(workflow)

    def project(self, given: Any = None) -> Project:
        """An Idempotency-Key below a workflow belongs to its project, which the body does not name."""
        return self.workflow(self.kwargs["pk"])[0].project

    def number(self, name: str, default: int, most: int) -> int:
        return number(self.request.query_params.get(name), name, default, most)


class OneWorkflow(WorkflowEndpoint):
    parameters = ("confirm",)

    def get(self, request: Request, pk: int) -> Response:
        workflow, _ = self.workflow(pk)
        return Response(shapes.FullWorkflowSerializer(workflow).data)

    @extend_schema(request=shapes.DetailsBody)
    def put(self, request: Request, pk: int) -> Response:
        """Replace name, description, tags and draft."""
        return self.change(request, pk, partial=False)

    @extend_schema(request=shapes.ChangesBody)
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is given; a specification becomes the draft."""
        return self.change(request, pk, partial=True)

    def change(self, request: Request, pk: int, *, partial: bool) -> Response:
        workflow, by = self.workflow(pk)
        sent = body(shapes.ChangesBody if partial else shapes.DetailsBody, request)
        edits, text = sent.pop("edits", None), sent.pop("specification", None)
        with transaction.atomic():
            if sent:
                # What is not sent stays as it is now, not as it was read.
                workflow = lock(workflow)
                details = {name: getattr(workflow, name) for name in ("name", "description", "tags")}
                changed = actions.update_workflow(workflow, edits=edits, by=by, **{**details, **sent})
                edits = None if edits is None else changed.edits
            if text is not None:
                actions.save_draft(workflow, text=text, edits=edits, by=by)
        return Response(whole(workflow))

    @extend_schema(parameters=[CONFIRM], responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = self.workflow(pk)
        actions.delete_workflow(workflow, confirm=request.query_params.get("confirm", ""), by=by)
        return Response(status=204)


class Publication(WorkflowEndpoint):
    @extend_schema(request=shapes.PublishBody, responses=shapes.FullWorkflowSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Release the draft."""
        workflow, by = self.workflow(pk)
        actions.release_draft(workflow, by=by, **body(shapes.PublishBody, request))
        return Response(whole(workflow))


class Draft(WorkflowEndpoint):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = self.workflow(pk)
        actions.discard_draft(workflow, by=by)
        return Response(status=204)


class Archive(WorkflowEndpoint):
    @extend_schema(request=None, responses=shapes.FullWorkflowSerializer)
    def post(self, request: Request, pk: int) -> Response:
        workflow, by = self.workflow(pk)
        actions.archive_workflow(workflow, by=by)
        return Response(whole(workflow))

    @extend_schema(responses=shapes.FullWorkflowSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        workflow, by = self.workflow(pk)
        actions.unarchive_workflow(workflow, by=by)
        return Response(whole(workflow))


class Copies(WorkflowEndpoint):
    @extend_schema(request=shapes.NameBody, responses={201: shapes.FullWorkflowSerializer})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Duplicate it under another name."""
        workflow, by = self.workflow(pk)
        copy = actions.duplicate_workflow(workflow, by=by, **body(shapes.NameBody, request))
        return Response(whole(copy), status=201)


class ExportEndpoint(WorkflowEndpoint):
    parameters = ("version",)

    @extend_schema(
        parameters=[OpenApiParameter("version", str, description="A number, draft or current (without it).")],
        responses=shapes.DocumentSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """One document to keep or to import elsewhere."""
        workflow, _ = self.workflow(pk)
        version = find_exported(workflow, request.query_params.get("version", ""))
        headers = {"Content-Disposition": f'attachment; filename="{workflow.name}.json"'}
        return Response(document_of(version), headers=headers)


class DraftImport(WorkflowEndpoint):
    @extend_schema(request=shapes.DraftImportBody, responses=shapes.FullWorkflowSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The document's specification and note as the draft of this workflow."""
        workflow, by = self.workflow(pk)
        sent = body(shapes.DraftImportBody, request)
        actions.import_draft(workflow, read_definition(sent["document"]), edits=sent.get("edits"), by=by)
        return Response(whole(workflow))


class TextCheck(Endpoint):
    @extend_schema(request=shapes.ValidateTextBody, responses=shapes.VerdictSerializer)
    def post(self, request: Request) -> Response:
        """Check a specification that is saved nowhere."""
        sent = body(shapes.ValidateTextBody, request)
        project = self.project(sent.get("project"))
        return verdict(check_text(sent["specification"], project=project).errors)


class WorkflowCheck(WorkflowEndpoint):
    @extend_schema(request=shapes.ValidateBody, responses=shapes.VerdictSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Check the specification given, else the draft, else the released version against what exists now."""
        workflow, _ = self.workflow(pk)
        text = body(shapes.ValidateBody, request).get("specification")
        if text is None:
            version = workflow.find_draft() or workflow.current
            text = version.text if version else ""
        return verdict(check_text(text, project=workflow.project, workflow=workflow).errors)


class Versions(WorkflowEndpoint):
    parameters = ("limit", "before")

    @extend_schema(parameters=PAGE_OF_VERSIONS, responses=shapes.VersionSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every version, the newest first; `limit` and `before` (a number) page through them."""
        workflow, _ = self.workflow(pk)
        limit, before = self.number("limit", 50, 200), self.number("before", 2**31 - 1, 2**31 - 1)
        found = list(workflow.versions.filter(number__lt=before).defer("text", "document")[: limit + 1])
        rows = shapes.VersionSerializer(found[:limit], many=True).data
        following = request.query_params.copy()
        following["before"] = str(found[limit - 1].number) if len(found) > limit else ""
        following_url = request.build_absolute_uri(f"?{following.urlencode()}") if following["before"] else None
        return Response({"results": rows, "next": following_url, "previous": None})


class OneVersion(WorkflowEndpoint):
    @extend_schema(responses=shapes.FullVersionSerializer)
    def get(self, request: Request, pk: int, number: int) -> Response:
        workflow, _ = self.workflow(pk)
        return Response(shapes.FullVersionSerializer(find_version(workflow, str(number))).data)


class Restoration(WorkflowEndpoint):
    @extend_schema(request=None, responses={201: shapes.FullVersionSerializer})
    def post(self, request: Request, pk: int, number: int) -> Response:
        """Copy an old version into a new draft."""
        workflow, by = self.workflow(pk)
        draft = actions.restore_version(find_version(workflow, str(number)), by=by)
        return Response(shapes.FullVersionSerializer(draft).data, status=201)


class DiffEndpoint(WorkflowEndpoint):
    parameters = ("from", "to")

    @extend_schema(
        parameters=[OpenApiParameter(name, str, description="A number, draft or current.") for name in ("from", "to")],
        responses=shapes.DiffSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What changed; by default from the released version to the draft."""
        workflow, _ = self.workflow(pk)
        query = request.query_params
        old = find_version(workflow, query.get("from", "current"))
        new = find_version(workflow, query.get("to", "draft"))
        return Response(shapes.DiffSerializer(compare(old, new)).data)
