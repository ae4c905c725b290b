"""What the runs can be narrowed by, on the page, over the API, in exports and bulk actions alike."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import In

from agents.models import Agent, Environment
from controlplane.listing.declaration.filters import (
    ChoicesFilter,
    ListFilterSet,
    RelatedFilter,
    SearchFilter,
    SinceFilter,
    TagsFilter,
    UntilFilter,
    ValuesFilter,
)
from controlplane.listing.declaration.full_text import has_words
from controlplane.listing.declaration.texts import TextFilter
from runs.models import MAY_NEED_ATTENTION, NEEDS_ATTENTION, Call, Run, RunState, Trigger
from runs.queries import runs_of_agent
from workflows.models import Workflow

STATUSES = [*RunState.choices, (NEEDS_ATTENTION, "Needs attention")]
ALIASES = {"awaiting_approval": RunState.WAITING_APPROVAL.value}


# Said as the condition of the index that holds them.
FAILED = Q(error__isnull=False)
# So many runs with a tag are looked up by themselves; of one that more have, a page of the list soon meets enough.
FEW = 1_000


def tagged(rows: QuerySet[Run], tags: list[str]) -> Q:
    """Those of `rows` that have all of the tags."""
    return if_few(rows, Q(tags__contains=tags))


def if_few(rows: QuerySet[Run], has: Q) -> Q:
    """`has`, which has an index. PostgreSQL would walk the whole list to see that it is true of no run."""
    few = list(rows.filter(has).order_by().values_list("pk", flat=True)[: FEW + 1])
    return Q(pk__in=few) if len(few) <= FEW else has


class RunTags(TagsFilter):
    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return queryset.filter(tagged(queryset, values)) if values else queryset


class RunSearch(SearchFilter):
    """A run's id, a part of its workflow's name, or a whole tag: all of them have an index, at any number of runs."""

    def condition(self, text: str) -> Q:
        named = Workflow.objects.visible_to(self.parent.who).filter(name__icontains=text)
        workflows = list(named.values_list("pk", flat=True))
        return super().condition(text) | Q(workflow_id__in=workflows) | tagged(self.parent.queryset, [text])


class StatusFilter(ChoicesFilter):
    """Runs by the word that is shown of them: one that needs attention is found by that, and not by its state.

    Only states in which a run can need attention ask for it, so that all others are counted within their index.
    """

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        hiding = [word for word in values if word in MAY_NEED_ATTENTION]
        others = [word for word in values if word not in {*hiding, NEEDS_ATTENTION}]
        wanted = Q(attention_since__isnull=False) if NEEDS_ATTENTION in values else Q()
        wanted |= Q(state__in=hiding, attention_since=None) if hiding else Q()
        wanted |= Q(state__in=others) if others else Q()
        return queryset.filter(wanted)


class RunAgent(RelatedFilter):
    """Runs that an agent was chosen for, was called in, or is pinned by and that have not ended."""

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        chosen = self._seen.filter(pk__in=self.ids_of(values)) if values else ()
        return queryset.filter(reduce(or_, map(runs_of_agent, chosen))) if values else queryset


class RunError(TextFilter):
    """Words of the message, or their beginnings, in any order."""

    def filter(self, queryset: QuerySet, text: str) -> QuerySet:
        if not text:
            return queryset
        found = has_words(KeyTextTransform("message", "error"), text)
        return queryset.none() if found is None else queryset.filter(if_few(queryset, FAILED & Q(found)))


class RunErrorType(ValuesFilter):
    """Any of the stable words for what went wrong, such as `timeout`."""

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return queryset.filter(FAILED, In(KeyTextTransform("type", "error"), values)) if values else queryset


class RunFilters(ListFilterSet):
    q = RunSearch([], hint="Id, workflow or tag")
    status = StatusFilter(field_name="state", choices=STATUSES, aliases=ALIASES, label="Status", primary=True)
    workflow = RelatedFilter(
        field_name="workflow_id", related=lambda who: Workflow.objects.visible_to(who), label="Workflow", primary=True
    )
    environment = ChoicesFilter(choices=Environment.choices, label="Environment", primary=True)
    trigger = ChoicesFilter(choices=Trigger.choices, label="Trigger")
    agent = RunAgent(related=lambda who: Agent.objects.visible_to(who), label="Agent")
    created_by = TextFilter(field_name="created_by", label="Started by", hint="Exact name")
    error_type = RunErrorType(label="Error type")
    error = RunError(label="Error", hint="Words of the message")
    tag = RunTags(field_name="tags", label="Tags")
    since = SinceFilter(field_name="created_at", label="Since", period="Created")
    until = UntilFilter(field_name="created_at", label="Until")

    class Meta:
        model = Run
        fields: list[str] = []


class CallFilters(ListFilterSet):
    """The time that usage figures cover."""

    since = SinceFilter(field_name="ended_at", label="Since", period="Ended")
    until = UntilFilter(field_name="ended_at", label="Until")

    class Meta:
        model = Call
        fields: list[str] = []
