"""How workflows and versions read and are written as JSON."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.catalogue.serializers import RevisionDiffSerializer
from controlplane.domain.json_schema import depth_of
from controlplane.projects.requests.endpoints import StrictSerializer
from workflows.exchange.domain import FORMAT
from workflows.kinds import KINDS
from workflows.models import Version, Workflow
from workflows.queries import check_text
from workflows.specification.reading import DEPTH_LIMIT

USES = ", ".join(form for kind in KINDS.values() if not kind.unavailable for form in kind.forms)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "object", "description": f"The workflow language. A step uses one of {USES}."},
            {"type": "string", "description": "The same as JSON or YAML."},
        ]
    }
)
class SpecificationField(serializers.Field):
    """A specification as a JSON object or as JSON or YAML text; always text inside."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str):
            return data
        if depth_of(data) > DEPTH_LIMIT:
            message = f"The specification is nested more than {DEPTH_LIMIT} levels deep."
            raise serializers.ValidationError(message, code="too_deep")
        if isinstance(data, dict):
            return json.dumps(data, indent=2, ensure_ascii=False)
        raise serializers.ValidationError("A specification is an object, or text in JSON or YAML.", code="type")

    def to_representation(self, value: Any) -> Any:
        return value


class Tags(serializers.ListField):
    child = serializers.CharField(max_length=50)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=20, **kwargs)


class EditsField(serializers.IntegerField):
    def __init__(self) -> None:
        super().__init__(required=False, min_value=0, help_text="Refuse when the draft changed since.")


class ChangesBody(StrictSerializer):
    name = serializers.CharField(max_length=63, required=False)
    description = serializers.CharField(allow_blank=True, required=False, max_length=10_000)
    tags = Tags(required=False)
    specification = SpecificationField(required=False)
    edits = EditsField()


class NewWorkflowBody(StrictSerializer):
    project = serializers.CharField(required=False, help_text="Id or slug; needed by who is in several.")
    name = serializers.CharField(max_length=63)
    description = serializers.CharField(allow_blank=True, default="", max_length=10_000)
    tags = Tags(default=list)
    specification = SpecificationField(required=False)


class DetailsBody(StrictSerializer):
    name = serializers.CharField(max_length=63)
    description = serializers.CharField(allow_blank=True, default="", max_length=10_000)
    tags = Tags(default=list)
    specification = SpecificationField()
    edits = EditsField()


class PublishBody(StrictSerializer):
    note = serializers.CharField(
        allow_blank=True, required=False, max_length=500, help_text="Without it, the note of an imported draft."
    )
    edits = EditsField()


class DocumentSerializer(serializers.Serializer):
    """A workflow as one document: what an export answers and an import takes."""

    format = serializers.CharField(help_text=FORMAT)
    name = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    note = serializers.CharField(required=False, help_text="Of the version.")
    specification = serializers.DictField(required=False)
    text = serializers.CharField(required=False, help_text="The specification as it was typed, when that is YAML.")


class ImportBody(StrictSerializer):
    project = serializers.CharField(required=False, help_text="Id or slug; needed by who is in several.")
    name = serializers.CharField(max_length=63, required=False, help_text="Another name than the document's.")
    document = serializers.JSONField(help_text="What an export answered.")


class DraftImportBody(StrictSerializer):
    document = serializers.JSONField(help_text="What an export answered.")
    edits = EditsField()


class ValidateBody(StrictSerializer):
    specification = SpecificationField(required=False)


class ValidateTextBody(StrictSerializer):
    project = serializers.CharField(required=False)
    specification = SpecificationField()


class NameBody(StrictSerializer):
    name = serializers.CharField(max_length=63)


class LastRun(serializers.Serializer):
    id = serializers.IntegerField()
    status = serializers.CharField(source="state")
    created_at = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DateTimeField())
    def get_created_at(self, run: dict[str, Any]) -> str:
        """PostgreSQL writes +00:00 into JSON where the rest of the API writes Z."""
        return run["created_at"].replace("+00:00", "Z")


class WorkflowSerializer(serializers.ModelSerializer):
    """One row of the list."""

    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    state = serializers.CharField(read_only=True, help_text="draft, released or archived")
    current_version = serializers.IntegerField(
        source="current.number",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="None before the first release.",
    )
    has_draft = serializers.BooleanField(read_only=True)
    last_run = LastRun(read_only=True, allow_null=True)

    class Meta:
        model = Workflow
        fields: tuple[str, ...] = (
            "id",
            "project",
            "name",
            "description",
            "tags",
            "state",
            "current_version",
            "has_draft",
            "last_run",
            "created_at",
            "updated_at",
            "updated_by",
            "archived_at",
        )
        read_only_fields: tuple[str, ...] = fields


class VersionSerializer(serializers.ModelSerializer):
    """One version, without its text."""

    class Meta:
        model = Version
        fields: tuple[str, ...] = (
            "number",
            "state",
            "format",
            "note",
            "created_at",
            "created_by",
            "updated_at",
            "updated_by",
            "released_at",
            "released_by",
        )
        read_only_fields: tuple[str, ...] = fields


class FullVersionSerializer(VersionSerializer):
    specification = serializers.DictField(read_only=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "text", "specification")
        read_only_fields: tuple[str, ...] = fields


class DraftSerializer(FullVersionSerializer):
    """The draft with what keeps it from being released."""

    errors: Any = serializers.SerializerMethodField()

    class Meta(FullVersionSerializer.Meta):
        fields = (*FullVersionSerializer.Meta.fields, "errors")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_errors(self, draft: Version) -> list[dict[str, object]]:
        workflow = draft.workflow
        return [error.as_dict() for error in check_text(draft.text, project=workflow.project, workflow=workflow).errors]


class FullWorkflowSerializer(WorkflowSerializer):
    """One workflow with its draft; `specification` is the released one, or the draft's before the first release."""

    draft = serializers.SerializerMethodField()
    specification = serializers.SerializerMethodField()

    class Meta(WorkflowSerializer.Meta):
        fields = (*WorkflowSerializer.Meta.fields, "edits", "draft", "specification")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(DraftSerializer(allow_null=True))
    def get_draft(self, workflow: Workflow) -> dict[str, Any] | None:
        draft = workflow.find_draft()
        return None if draft is None else DraftSerializer(draft).data

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_specification(self, workflow: Workflow) -> dict[str, Any] | None:
        version = workflow.current or workflow.find_draft()
        return None if version is None else version.specification


class VerdictSerializer(serializers.Serializer):
    """What a check found."""

    valid = serializers.BooleanField()
    errors: Any = serializers.ListField(child=serializers.DictField())


class DiffSerializer(RevisionDiffSerializer):
    """What changed from one version of a workflow to another, by meaning."""
