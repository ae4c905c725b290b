"""The JSON shapes of jobs and their rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.jobs.counting import reasons
from controlplane.jobs.models import Job, JobRow


class JobSerializer(serializers.ModelSerializer):
    """`done` and `refused` of `total` rows; what is left after the end was not done."""

    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    list = serializers.CharField(source="subject")
    status = serializers.CharField(source="state")
    undo_of = serializers.IntegerField(source="undo_of_id", allow_null=True)
    can_be_undone = serializers.BooleanField()

    class Meta:
        model = Job
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


class RefusedJobSerializer(JobSerializer):
    reasons = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "reasons"]

    def get_reasons(self, job: Job) -> list[dict[str, Any]]:
        return [{"reason": why, "count": number, "ids": ids} for why, number, ids in reasons(job)]


class JobRowSerializer(serializers.ModelSerializer):
    id = serializers.IntegerField(source="object_id")
    status = serializers.CharField(source="state")

    class Meta:
        model = JobRow
        fields = ["id", "status", "detail"]
