"""What the list of workflows can be narrowed by."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from controlplane.listing.declaration.filters import (
    ChoicesFilter,
    ListFilterSet,
    SearchFilter,
    SinceFilter,
    TagsFilter,
    UntilFilter,
    ValuesFilter,
)
from workflows.models import Workflow

STATES = {
    "released": Q(archived_at=None, current__isnull=False),
    "draft": Q(archived_at=None, current=None),
    "archived": Q(archived_at__isnull=False),
}


class StateFilter(ChoicesFilter):
    """Archived workflows show only when asked for."""

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return queryset.filter(reduce(or_, [STATES[value] for value in values or ("released", "draft")]))


class UsesFilter(ValuesFilter):
    """Workflows whose released version refers to all of the things given, such as `tool:list-issues`."""

    def filter(self, queryset: QuerySet, values: list[Any]) -> QuerySet:
        return queryset.filter(current__uses__contains=values) if values else queryset


class WorkflowFilter(ListFilterSet):
    q = SearchFilter(["name__icontains", "description__icontains"])
    state = StateFilter(label="State", choices=[(name, name.capitalize()) for name in STATES], primary=True)
    tag = TagsFilter(field_name="tags", label="Tag")
    uses = UsesFilter(label="Uses")
    since = SinceFilter(field_name="updated_at", label="Changed since", period="Changed")
    until = UntilFilter(field_name="updated_at", label="Changed until")

    class Meta:
        model = Workflow
        fields: list[str] = []
