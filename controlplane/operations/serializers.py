"""The JSON shapes of operations and their rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.operations.carrying.counting import reasons
from controlplane.operations.models import Operation, OperationRow


class OperationSerializer(serializers.ModelSerializer):
    """`done` and `refused` of `total` rows; what is left after the end was not done."""

    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    list = serializers.CharField(source="subject")
    status = serializers.CharField(source="state")
    undo_of = serializers.IntegerField(source="undo_of_id", allow_null=True)
    can_be_undone = serializers.BooleanField()

    class Meta:
        model = Operation
        fields = ["id", "project", "list", "action", "arguments", "status", "total", "done", "refused", "message"]
        fields += [
            "created_by",
            "created_at",
            "started_at",
            "ended_at",
            "expires_at",
            "undo_of",
            "can_be_undone",
            "manifest",
        ]


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField()
    count = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.IntegerField(), help_text="The first ones.")


class RefusedOperationSerializer(OperationSerializer):
    reasons = serializers.SerializerMethodField()

    class Meta(OperationSerializer.Meta):
        fields = [*OperationSerializer.Meta.fields, "reasons"]

    def get_reasons(self, operation: Operation) -> list[dict[str, Any]]:
        return [{"reason": why, "count": number, "ids": ids} for why, number, ids in reasons(operation)]


class OperationRowSerializer(serializers.ModelSerializer):
    id = serializers.IntegerField(source="object_id")
    status = serializers.CharField(source="state")

    class Meta:
        model = OperationRow
        fields = ["id", "status", "detail"]
