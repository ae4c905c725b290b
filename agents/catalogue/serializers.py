"""How tools, agents and instances read as JSON, and what may be sent. What is sent is checked in the actions."""

from __future__ import annotations

from typing import Any

from django.db.models import JSONField
from rest_framework import serializers

from agents.deployments.domain import MOST_REPLICAS
from agents.models import Agent, Catalogued, Deployment, Environment, Instance, Revision, Tool
from controlplane.projects.requests.endpoints import Choice, StrictSerializer

WRITTEN = ("version_no", "created_at", "updated_at", "updated_by")


def read_fields(model: type[Catalogued], *more: str) -> tuple[str, ...]:
    """What people write, and what is known beside it."""
    return ("id", "project", *model.written(), *more, *WRITTEN)


class ToolSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)

    class Meta:
        model = Tool
        fields = read_fields(Tool)
        read_only_fields = fields


class AgentSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)

    class Meta:
        model = Agent
        fields = read_fields(Agent, "min_replicas", "max_replicas")
        read_only_fields = fields


class InstanceSerializer(serializers.ModelSerializer):
    """Without the URL: nothing shows it again."""

    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    healthy = serializers.BooleanField(source="is_healthy", read_only=True, allow_null=True)

    class Meta:
        model = Instance
        fields = read_fields(Instance, "address", "healthy", "checked_at", "check_report")
        read_only_fields = fields


class Body(serializers.ModelSerializer):
    """What can be sent. A PUT takes the whole of it, in which what need not be sent has its default."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        JSONField: serializers.DictField,
    }

    project = serializers.CharField(required=False, help_text="Id or slug; needed by who is in several, on create.")
    version_no = serializers.IntegerField(required=False, help_text="On changes: refuse when it is not this any more.")

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[type[serializers.Field], dict[str, Any]]:
        """All JSON that people write here is an object."""
        if isinstance(model_field, JSONField):
            return serializers.DictField, {"required": False}
        return super().build_standard_field(field_name, model_field)


class AgentBody(Body):
    class Meta:
        model = Agent
        fields = ("project", *Agent.written(), "version_no")
        extra_kwargs = {"config": {"required": True}}
        validators = ()


class ToolBody(Body):
    class Meta:
        model = Tool
        fields = ("project", *Tool.written(), "version_no")
        extra_kwargs = {"config": {"required": True}}
        validators = ()


class InstanceBody(Body):
    url = serializers.CharField(required=False, help_text="Kept sealed and never shown. Empty: the stored one stays.")

    class Meta:
        model = Instance
        fields = ("project", *Instance.written(), "url", "version_no")
        validators = ()


class RevisionSerializer(serializers.ModelSerializer):
    """How a tool or an agent was configured at one version; secrets only as references."""

    class Meta:
        model = Revision
        fields = ("id", "number", "snapshot", "created_at", "created_by")
        read_only_fields = fields


class DifferenceSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(["added", "removed", "changed"])
    path = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class RevisionDiffSerializer(serializers.Serializer):
    """What changed from one version to another, by meaning."""

    def get_fields(self) -> dict[str, serializers.Field]:
        numbers = {"from": "old.number", "to": "new.number"}
        fields = {name: serializers.IntegerField(source=source) for name, source in numbers.items()}
        return {**fields, "changes": DifferenceSerializer(many=True)}


class DeploymentSerializer(serializers.ModelSerializer):
    version = serializers.IntegerField(source="revision.number")

    class Meta:
        model = Deployment
        fields = ("id", "environment", "version", "note", "deployed_at", "deployed_by")
        read_only_fields = fields


class DeployBody(StrictSerializer):
    environment = Choice(Environment.values)
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="The newest without it."
    )
    roll_back = serializers.BooleanField(default=False, help_text="The version that served it before, instead.")
    note = serializers.CharField(default="", allow_blank=True, max_length=500)


class ScaleBody(StrictSerializer):
    def get_fields(self) -> dict[str, serializers.Field]:
        names = ("min", "max", "desired")
        return {name: serializers.IntegerField(min_value=1, max_value=MOST_REPLICAS) for name in names}


class ScaleSerializer(serializers.Serializer):
    """How many replicas there are, and between which numbers the portal scales by itself."""

    def get_fields(self) -> dict[str, serializers.Field]:
        names = {"min": "min_replicas", "max": "max_replicas", "desired": "max_concurrent"}
        fields: dict[str, serializers.Field] = {
            name: serializers.IntegerField(source=source, allow_null=True) for name, source in names.items()
        }
        return {
            **fields,
            "scaled_at": serializers.DateTimeField(allow_null=True),
            "scale_reason": serializers.CharField(),
        }


class UseSerializer(serializers.Serializer):
    """The limits of a tool and how much of them is used now; null where nothing limits it."""

    in_use = serializers.IntegerField()
    max_concurrent = serializers.IntegerField(source="capacity", allow_null=True)
    calls_per_minute = serializers.IntegerField(source="per_minute", allow_null=True)
    burst = serializers.IntegerField(allow_null=True)
    available = serializers.FloatField(allow_null=True, help_text="Calls that could be made at once now.")


class HealthBody(StrictSerializer):
    probed = serializers.BooleanField(help_text="Whether to ask every half minute if it is there.")


class HealthSerializer(serializers.Serializer):
    """What the last probe found."""

    state = serializers.ChoiceField(["healthy", "unhealthy", "unknown"])
    probed = serializers.BooleanField()
    checked_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    how = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField())


class TrialBody(StrictSerializer):
    input = serializers.JSONField(default=dict)


class TrialSerializer(serializers.Serializer):
    """The answer of a real call."""

    output = serializers.JSONField(allow_null=True)
    request = serializers.JSONField(allow_null=True)
    duration_ms = serializers.IntegerField()
    cost_usd = serializers.DecimalField(18, 6)
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class ReportSerializer(serializers.Serializer):
    """The health of an instance."""

    ok = serializers.BooleanField()
    problems = serializers.ListField(child=serializers.CharField())
    server_version = serializers.CharField()
    latency_ms = serializers.IntegerField()
    tables = serializers.ListField(child=serializers.CharField())
