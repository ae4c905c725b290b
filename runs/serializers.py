"""How runs read in JSON. Money is a decimal string in USD, times are UTC ISO 8601, durations are milliseconds."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from agents.models import Environment
from controlplane.projects.requests.endpoints import Choice, StrictSerializer
from runs.models import Artifact, Attempt, ReviewOutcome, Run, StepRun, Trigger


class Named(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class RunRow(serializers.ModelSerializer):
    """A run as lists show it: without inputs and outputs, which can be large."""

    project = serializers.SlugField(source="project.slug")
    workflow = Named()
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    status = serializers.CharField(source="state")
    needs_attention = serializers.BooleanField(help_text="Whether it goes on only when a person has done something.")
    agent = serializers.CharField(source="agent.name", allow_null=True, default=None)
    duration_ms = serializers.IntegerField(allow_null=True)
    retry_of = serializers.IntegerField(source="retry_of_id", allow_null=True)

    class Meta:
        model = Run
        fields = [
            "id", "project", "workflow", "version", "status", "needs_attention", "environment", "trigger", "agent",
            "tags", "error", "cost_usd", "input_tokens", "output_tokens", "created_at", "started_at", "ended_at",
            "duration_ms", "created_by", "retry_of",
        ]  # fmt: skip


class RunDetail(RunRow):
    own_cost_usd = serializers.DecimalField(
        max_digits=14, decimal_places=6, help_text="Without the runs that it started."
    )

    class Meta(RunRow.Meta):
        fields = [
            *RunRow.Meta.fields, "own_cost_usd", "inputs", "outputs", "replayed_from", "last_seq", "control_by",
            "control_reason", "pause_requested_at", "stop_requested_at",
        ]  # fmt: skip


class AttemptRow(serializers.ModelSerializer):
    status = serializers.CharField(source="state")

    class Meta:
        model = Attempt
        fields = ["number", "status", "worker", "started_at", "ended_at", "error"]


class StepRow(serializers.ModelSerializer):
    status = serializers.CharField(source="state")
    duration_ms = serializers.IntegerField(allow_null=True)
    attempts = AttemptRow(many=True)

    class Meta:
        model = StepRun
        fields = [
            "id", "key", "index", "uses", "stage", "status", "waits_for", "reused", "attempt_no", "request", "output",
            "error", "progress",
            "cost_usd", "input_tokens", "output_tokens", "queued_at", "started_at", "ended_at", "due_at",
            "duration_ms", "attempts",
        ]  # fmt: skip


class ArtifactRow(serializers.ModelSerializer):
    step = serializers.CharField(source="step.key")

    class Meta:
        model = Artifact
        fields = ["id", "step", "attempt_no", "name", "content_type", "size", "sha256", "created_at"]


class RunDocument(RunDetail):
    """A run with everything below it."""

    steps = StepRow(many=True)
    artifacts = ArtifactRow(many=True)

    class Meta(RunDetail.Meta):
        fields = [*RunDetail.Meta.fields, "steps", "artifacts"]


class LogLine(serializers.Serializer):
    n = serializers.IntegerField(help_text="1, 2, 3 … in the run.")
    at = serializers.DateTimeField()
    level = serializers.ChoiceField(["debug", "info", "warning", "error"])
    step = serializers.CharField(allow_null=True, help_text="The step's key.")
    index = serializers.IntegerField(allow_null=True)
    attempt = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()


class LogPage(serializers.Serializer):
    results = LogLine(many=True)
    next = serializers.IntegerField(help_text="Send it back as `after`.")


class Frame(serializers.Serializer):
    seq = serializers.IntegerField()
    type = serializers.CharField()
    at = serializers.DateTimeField()
    data: Any = serializers.DictField()


class EventPage(serializers.Serializer):
    results = Frame(many=True)
    next = serializers.IntegerField(help_text="Send it back as `after`.")


@extend_schema_field({"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]})
class OneOrMany(serializers.Field):
    """The inputs of one run, or a list of those of many."""

    default_error_messages: ClassVar = {"invalid": "Give an object, or a list of objects."}

    def to_internal_value(self, data: Any) -> dict[str, Any] | list[dict[str, Any]]:
        rows = data if isinstance(data, list) else [data]
        if not all(isinstance(row, dict) for row in rows):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class StartedRuns(serializers.Serializer):
    """What a list of inputs started, in its order."""

    results = inline_serializer("StartedRun", {"id": serializers.IntegerField(), "status": serializers.CharField()},
                                many=True)  # fmt: skip


class NewRun(StrictSerializer):
    """POST /runs. `workflow` and `agent` by id or name; a list of `inputs` starts a run for each of them."""

    project = serializers.CharField(required=False)
    workflow = serializers.CharField()
    inputs = OneOrMany(required=False, default=dict)
    environment = Choice(Environment.choices, required=False, default=Environment.DEV)
    agent = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, default=list)
    trigger = Choice([Trigger.API, Trigger.MANUAL, Trigger.WEBHOOK], required=False, default=Trigger.API)


class Reason(StrictSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


class ReplayOrder(StrictSerializer):
    """POST /runs/ID/replay. Without `inputs` and `version` those of the run."""

    step = serializers.CharField(max_length=63, help_text="The key of the step to begin with.")
    inputs = serializers.DictField(required=False, allow_null=True, default=None)
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=2**31 - 1)


class StepFate(serializers.Serializer):
    key = serializers.CharField()
    outcome = serializers.ChoiceField(
        ["reuse", "rerun", "invalid"], help_text="invalid: runs again although before it."
    )
    reason = serializers.CharField(allow_blank=True)


class ReplayPreview(serializers.Serializer):
    step = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="Null for the draft of a test run.")
    inputs = serializers.DictField()
    steps = StepFate(many=True)


class Review(StrictSerializer):
    outcome = Choice(ReviewOutcome.values)
    output = serializers.JSONField(required=False, allow_null=True, default=None)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


class Signal(StrictSerializer):
    """POST /runs/ID/steps/ID/signal. What later steps read as the step's output."""

    output = serializers.JSONField(required=False, allow_null=True, default=None)


class TestRun(StrictSerializer):
    """POST /workflows/ID/test: a run of the draft as it is saved."""

    inputs = serializers.DictField(required=False, default=dict)
    environment = Choice(Environment.choices, required=False, default=Environment.DEV)
    agent = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, default=list)
