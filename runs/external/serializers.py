"""How runs that execute elsewhere are reported and read in JSON: there a run is a task."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.models import Environment
from controlplane.projects.models import valid_name
from controlplane.projects.requests.endpoints import Choice, StrictSerializer
from runs.engine.external import REPORTED
from runs.list.filters import ALIASES
from runs.models import Run, RunState

LONGEST_HEARTBEAT = 7 * 24 * 3600
LARGEST_COUNT = 10**15


class Status(Choice):
    """A state, or one of its other names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([*REPORTED, *ALIASES], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        word = super().to_internal_value(data)
        return RunState(ALIASES.get(word, word)).value


@extend_schema_field(OpenApiTypes.ANY)
class Failure(serializers.Field):
    """A sentence, or an object with `message` and, if it likes, `type`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found = {"message": data} if isinstance(data, str) else data
        if not isinstance(found, dict) or not isinstance(found.get("message"), str):
            raise serializers.ValidationError("Give a text, or an object with a message.", code="type")
        if not isinstance(found.get("type", ""), str):
            raise serializers.ValidationError("`type` must be text.", code="type")
        return {"type": "reported", **found}

    def to_representation(self, value: Any) -> Any:
        return value


class TaskReport(StrictSerializer):
    """PATCH /tasks/ID. Everything is optional: an empty one is a sign of life."""

    status = Status(required=False)
    outputs = serializers.DictField(required=False)
    outputs_uri = serializers.CharField(
        required=False, max_length=2_000, help_text="Where the results are; kept as outputs.uri."
    )
    error = Failure(required=False, help_text="A sentence, or {type, message}.")
    log_excerpt = serializers.CharField(
        required=False, max_length=200_000, trim_whitespace=False, help_text="Lines to add to the log."
    )
    cost_usd = serializers.DecimalField(14, 6, required=False, min_value=0, help_text="Of the run so far.")
    input_tokens = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_COUNT)
    output_tokens = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_COUNT)
    started_at = serializers.DateTimeField(required=False)
    finished_at = serializers.DateTimeField(required=False)
    heartbeat_seconds = serializers.IntegerField(
        required=False, min_value=1, max_value=LONGEST_HEARTBEAT,
        help_text="Silent for longer, it is marked lost. Every report puts the deadline off.",
    )  # fmt: skip


class NewTask(TaskReport):
    """POST /tasks."""

    project = serializers.CharField(required=False, help_text="Id or slug; needed by who is in several.")
    task = serializers.CharField(
        max_length=63,
        validators=[valid_name],
        help_text="The workflow it is listed under; the first report makes it.",
    )
    status = Status(required=False, default=RunState.RUNNING.value)
    inputs = serializers.DictField(required=False, default=dict)
    environment = Choice(Environment.choices, required=False, default=Environment.DEV)
    agent = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, default=list)
    run_id = serializers.CharField(
        required=False, max_length=46, help_text="Of the orchestrator; kept as the tag run:ID."
    )


class TaskRow(serializers.ModelSerializer):
    project = serializers.SlugField(source="project.slug")
    task = serializers.CharField(source="workflow.name")
    status = serializers.CharField(source="state")
    agent = serializers.CharField(source="agent.name", allow_null=True, default=None)
    finished_at = serializers.DateTimeField(source="ended_at", allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Run
        fields = [
            "id", "project", "task", "status", "environment", "agent", "tags", "error", "cost_usd", "input_tokens",
            "output_tokens", "created_at", "started_at", "finished_at", "duration_ms", "heartbeat_seconds",
            "deadline_at", "created_by",
        ]  # fmt: skip


class TaskDetail(TaskRow):
    class Meta(TaskRow.Meta):
        fields = [*TaskRow.Meta.fields, "inputs", "outputs"]
