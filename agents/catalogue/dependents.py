"""What uses a tool, an agent or an instance: every app declares who finds what it knows of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from agents.deployments.domain import deployments_in_force
from agents.models import Agent, Catalogued, Tool
from controlplane.portal.registry import dependents, load


@dataclass(frozen=True)
class Dependent:
    """Something that would break: `kind` for people (`workflow`), its `name`, and its page: `url_name` with `pk`."""

    kind: str
    name: str
    url_name: str
    pk: int


def dependents_of(subject: Catalogued) -> list[Dependent]:
    """What uses this tool, agent or instance, sorted by kind and name."""
    kind = subject._meta.model_name or ""
    found = [one for path in dependents for one in load(path)(kind, subject.project_id, subject.name)]
    return sorted(found, key=lambda one: (one.kind, one.name))


def find_dependents(kind: str, project_id: int, name: str) -> list[Dependent]:
    """The agents and tools that would break without the tool, agent or instance `name`."""
    if kind == "tool":
        deployed = deployments_in_force(project_id).filter(revision__snapshot__config__tools__contains=[name])
        uses = Q(config__tools__contains=[name]) | Q(pk__in=deployed.values("agent_id"))
        agents = Agent.objects.filter(uses, project_id=project_id, kind="llm")
        return [Dependent("agent", agent.name, "agents:detail", agent.pk) for agent in agents]
    if kind == "instance":
        tools = Tool.objects.filter(project_id=project_id, kind="sql", config__instance=name)
        return [Dependent("tool", tool.name, "agents:tool_detail", tool.pk) for tool in tools]
    return []
