"""`POST …/bulk`: what the bulk bar of a list does, for scripts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.domain.errors import InvalidInput
from controlplane.listing.bulk import domain as bulk
from controlplane.listing.bulk.arguments import arguments_of, refuse_unknown
from controlplane.listing.bulk.page import allowed_action
from controlplane.listing.declaration.listing import Listing
from controlplane.listing.reading.request import Reading
from controlplane.operations.actions import AT_ONCE
from controlplane.operations.models import Operation
from controlplane.operations.serializers import OperationRowSerializer, RefusedOperationSerializer
from controlplane.projects.models import Project
from controlplane.projects.requests.endpoints import Endpoint, StrictSerializer, body, shown
from controlplane.projects.requests.idempotency import idempotent
from controlplane.projects.tenants.actors import Actor


class BulkBody(StrictSerializer):
    """Either `ids` or `filter`, which takes the parameters of the list; `{}` is everything."""

    project = serializers.CharField(required=False, help_text="Id or slug; needed when you have several.")
    action = serializers.CharField(max_length=63)
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)
    filter = serializers.DictField(required=False)
    arguments = serializers.DictField(required=False, default=dict)
    preview = serializers.BooleanField(required=False, default=False, help_text="Only say what would happen.")


class BulkAnswer(RefusedOperationSerializer):
    rows = OperationRowSerializer(
        many=True, help_text="What became of each row; of an operation in the background, none yet."
    )

    class Meta(RefusedOperationSerializer.Meta):
        fields = [*RefusedOperationSerializer.Meta.fields, "rows"]


class BulkEndpoint(Endpoint):
    """`POST`: one of the list's bulk actions. Subclasses declare `listing`."""

    listing: Listing
    serializer_class = BulkAnswer

    @extend_schema(request=BulkBody, responses={200: BulkAnswer, 202: RefusedOperationSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """One action on many rows, each with its own outcome. 202 and an operation for more than 200 rows."""
        sent = body(BulkBody, request)
        project = self.project(sent.get("project"))
        actor = self.actor(project)
        verb = allowed_action(self.listing, sent["action"], by=actor)
        refuse_unknown(verb, sent["arguments"])
        if sent["preview"]:
            return self.previewed(verb, self.chosen(sent, project, actor), actor)
        arguments = arguments_of(verb, sent["arguments"])
        operation = bulk.draft(self.listing, verb, self.chosen(sent, project, actor), project=project, by=actor)
        return self.answer(bulk.start(operation, by=actor, arguments=arguments))

    def chosen(self, sent: dict[str, Any], project: Project, actor: Actor) -> list[int] | QuerySet:
        if ("ids" in sent) == ("filter" in sent):
            raise InvalidInput.field("ids", "Give either ids or a filter.", "required")
        if "ids" in sent:
            return bulk.ids_of(sent["ids"], "ids")
        reading = Reading(self.listing, query_of(sent["filter"]), who=actor, project=project)
        reading.refuse_unknown()
        return reading.ordered

    def previewed(self, verb: Any, chosen: list[int] | QuerySet, actor: Actor) -> Response:
        if isinstance(chosen, QuerySet):
            chosen = list(chosen.values_list("pk", flat=True)[: bulk.BULK_LIMIT + 1])
            bulk.refuse_too_many(len(chosen), "filter")
        found = bulk.preview(self.listing, verb, chosen, len(chosen), by=actor)
        reasons = [{"reason": why, "count": number, "ids": ids} for why, number, ids in found.refused]
        return Response({"total": found.total, "eligible": found.eligible, "reasons": reasons})

    def answer(self, operation: Operation) -> Response:
        said = shown(RefusedOperationSerializer, operation)
        if operation.is_live:
            return Response(said, status=202)
        rows = [shown(OperationRowSerializer, row) for row in operation.rows.all()[:AT_ONCE]]
        return Response({**said, "rows": rows})


def query_of(given: dict[str, Any]) -> QueryDict:
    """The filter as a query string says it.

    Raises InvalidInput for what is neither text, number nor a list of them, and for what would mean one page of many:
    whoever sends it does not mean all rows that match.
    """
    for name in ("limit", "cursor"):
        if name in given:
            raise InvalidInput.field(
                f"filter.{name}", "This takes every row that matches; narrow the filter.", "unknown"
            )
    query = QueryDict(mutable=True)
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int) for one in values):
            raise InvalidInput.field(f"filter.{name}", "Give text, a number, or a list of them.")
        query.setlist(name, [str(one) for one in values])
    return query
