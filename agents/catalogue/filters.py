"""What the lists of tools, agents and instances can be narrowed by."""

from __future__ import annotations

from agents.models import Agent, AgentKind, Engine, Instance, Tool, ToolKind
from controlplane.listing.declaration.filters import (
    ChoicesFilter,
    ListFilterSet,
    SearchFilter,
    SinceFilter,
    TagsFilter,
    UntilFilter,
    YesNoFilter,
)

SEARCHED = ["name__icontains", "description__icontains"]


class CatalogueFilter(ListFilterSet):
    q = SearchFilter(SEARCHED)
    enabled = YesNoFilter(field_name="enabled", label="Enabled")
    tag = TagsFilter(field_name="tags", label="Tag")
    since = SinceFilter(field_name="updated_at", label="Changed since", period="Changed")
    until = UntilFilter(field_name="updated_at", label="Changed until")


class ToolFilter(CatalogueFilter):
    kind = ChoicesFilter(field_name="kind", choices=ToolKind.choices, label="Kind", primary=True)

    class Meta:
        model = Tool
        fields: list[str] = []


class AgentFilter(CatalogueFilter):
    kind = ChoicesFilter(field_name="kind", choices=AgentKind.choices, label="Kind", primary=True)

    class Meta:
        model = Agent
        fields: list[str] = []


class InstanceFilter(CatalogueFilter):
    q = SearchFilter([*SEARCHED, "address__icontains"])
    engine = ChoicesFilter(field_name="engine", choices=Engine.choices, label="Engine", primary=True)
    healthy = YesNoFilter(field_name="check_report__ok", label="Healthy", primary=True)

    class Meta:
        model = Instance
        fields: list[str] = []
