"""What uses a tool, an agent or an instance. Apps above register who they know; this app knows its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from agents.deploying import deployments_in_force
from agents.models import Agent, Catalogued, Tool


@dataclass(frozen=True)
class Dependent:
    """Something that would break: `kind` for people (`workflow`), its `name`, and its page: `url_name` with `pk`."""

    kind: str
    name: str
    url_name: str
    pk: int


Finder = Callable[[str, int, str], list[Dependent]]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Ask `finder(kind, project_id, name)` as well, from the AppConfig.ready of an app above.

    `kind` is `tool`, `agent` or `instance`; `name` is its name in the project. It returns what would break if that
    were gone, such as the workflows whose released version uses it.
    """
    if finder not in _finders:
        _finders.append(finder)


def dependents_of(subject: Catalogued) -> list[Dependent]:
    """What uses this tool, agent or instance, sorted by kind and name."""
    kind = subject._meta.model_name or ""
    found = [one for finder in (_own, *_finders) for one in finder(kind, subject.project_id, subject.name)]
    return sorted(found, key=lambda one: (one.kind, one.name))


def _own(kind: str, project_id: int, name: str) -> list[Dependent]:
    if kind == "tool":
        deployed = deployments_in_force(project_id).filter(revision__snapshot__config__tools__contains=[name])
        uses = Q(config__tools__contains=[name]) | Q(pk__in=deployed.values("agent_id"))
        agents = Agent.objects.filter(uses, project_id=project_id, kind="llm")
        return [Dependent("agent", agent.name, "agents:detail", agent.pk) for agent in agents]
    if kind == "instance":
        tools = Tool.objects.filter(project_id=project_id, kind="sql", config__instance=name)
        return [Dependent("tool", tool.name, "agents:tool_detail", tool.pk) for tool in tools]
    return []
