"""The lists of tools, agents and instances, declared once."""

from __future__ import annotations

from agents.actions import add_tags, delete_agent, delete_instance, delete_tool, disable, enable, remove_tags
from agents.catalogue.columns import AGENT_COLUMNS, HEALTH, INSTANCE_COLUMNS, TOOL_COLUMNS
from agents.catalogue.filters import AgentFilter, InstanceFilter, ToolFilter
from agents.models import Agent, Instance, Tool
from controlplane.listing.declaration.keyset import Order
from controlplane.listing.declaration.listing import Listing

ORDERS = (
    Order("name", "Name", ("name", "id")),
    Order("-name", "Name, last first", ("-name", "-id")),
    Order("-updated", "Changed last", ("-updated_at", "-id")),
    Order("updated", "Changed first", ("updated_at", "id")),
)


def visible_instances(who):
    return Instance.objects.visible_to(who).for_list().annotate(health=HEALTH)


TOOLS = Listing(
    noun="tools",
    rows=lambda who: Tool.objects.visible_to(who).for_list(),
    filters=ToolFilter,
    columns=TOOL_COLUMNS,
    orders=ORDERS,
    bulk_actions=(enable, disable, add_tags, remove_tags, delete_tool),
)
AGENTS = Listing(
    noun="agents",
    layouts=("list", "grid"),
    rows=lambda who: Agent.objects.visible_to(who).for_list(),
    filters=AgentFilter,
    columns=AGENT_COLUMNS,
    orders=ORDERS,
    bulk_actions=(enable, disable, add_tags, remove_tags, delete_agent),
)
INSTANCES = Listing(
    noun="instances",
    rows=visible_instances,
    filters=InstanceFilter,
    columns=INSTANCE_COLUMNS,
    orders=ORDERS,
    bulk_actions=(enable, disable, add_tags, remove_tags, delete_instance),
)
