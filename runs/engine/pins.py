"""What a run needs from outside its specification, looked up once at its start: tools, agents, instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import F

from agents.calls.registry import registered
from agents.deployments.domain import deployed_revisions
from agents.models import Agent, Instance, Revision, Tool, ToolKind
from controlplane.domain.errors import FieldError, InvalidInput
from workflows.kinds import reference_of
from workflows.specification.language import Spec, Step


@dataclass(frozen=True)
class Pinned:
    """One tool, agent or instance as it stands at the start."""

    name: str
    revision: int | None
    slot_key: str
    queue: str = "default"


@dataclass(frozen=True)
class StepNeeds:
    uses: str
    slot_key: str = ""
    queue: str = "default"


@dataclass
class Pins:
    tools: dict[str, Pinned] = field(default_factory=dict)
    agents: dict[str, Pinned] = field(default_factory=dict)
    instances: dict[str, Pinned] = field(default_factory=dict)
    chosen_agent: str = ""

    def as_json(self) -> dict[str, dict[str, int | None]]:
        """Name -> revision id, as the run keeps it."""
        return {
            "tools": {name: pinned.revision for name, pinned in self.tools.items()},
            "agents": {name: pinned.revision for name, pinned in self.agents.items()},
        }

    def needs_of(self, step: Step) -> StepNeeds:
        """What the step takes a place in, and which queue carries it."""
        uses = f"agent:{self.chosen_agent}" if step.asks_for_agent else step.uses
        noun, name = reference_of(uses, step.with_) or ("", "")
        group = {"tool": self.tools, "agent": self.agents, "instance": self.instances}.get(noun, {})
        pinned = group.get(name)
        return StepNeeds(uses) if pinned is None else StepNeeds(uses, pinned.slot_key, pinned.queue)


def collect(project_id: int, spec: Spec, agent: Agent | None, environment: str) -> Pins:
    """Pin everything `spec` names; of agents what is deployed to `environment`.

    Raises InvalidInput naming each thing that is gone or switched off.
    """
    if spec.asks_for_agent and agent is None:
        raise InvalidInput.field("agent", "This workflow asks for an agent. Choose one.", "required")
    pins, named = Pins(chosen_agent=agent.name if agent else ""), named_by(spec)
    wanted_agents = named["agent"] | ({agent.name} if agent else set())
    if wanted_agents:
        pins.agents = pinned(Agent, project_id, wanted_agents)
        for name, revision in deployed_revisions(project_id, wanted_agents, environment).items():
            pins.agents[name] = replace(pins.agents[name], revision=revision)
    wanted_tools = named["tool"] | tools_of_agents(pins)
    if wanted_tools:
        pins.tools = pinned(Tool, project_id, wanted_tools)
    if named["instance"]:
        pins.instances = pinned_instances(project_id, named["instance"])
    return pins


def named_by(spec: Spec) -> defaultdict[str, set[str]]:
    """Noun -> names of what the steps point to; not what an expression will choose."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for step in spec.steps:
        if reference := reference_of(step.uses, step.with_):
            found[reference[0]].add(reference[1])
    return found


def pinned(model: type[Tool] | type[Agent], project_id: int, names: set[str]) -> dict[str, Pinned]:
    """Name -> its present revision and slot. Raises InvalidInput naming what is missing or disabled."""
    kind = str(model._meta.model_name)
    limits = ["max_concurrent", "calls_per_minute"] if model is Tool else ["max_concurrent"]
    found = model._default_manager.filter(project_id=project_id, name__in=names, revisions__number=F("version_no"))
    rows = list(found.filter(enabled=True).values("id", "name", "kind", "config", "revisions", *limits))
    slots = {row["name"]: f"{kind}:{row['id']}" for row in rows if any(row[limit] for limit in limits)}
    slots |= slots_of_instances(project_id, [row for row in rows if row["name"] not in slots])
    refuse_missing(kind, names - {row["name"] for row in rows})
    return {
        row["name"]: Pinned(row["name"], row["revisions"], slots.get(row["name"], ""), queue_of(row)) for row in rows
    }


def slots_of_instances(project_id: int, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Name -> slot of those that ask a limited instance: SQL tools without a limit of their own."""
    asked = {row["name"]: row["config"].get("instance", "") for row in rows if row["kind"] == ToolKind.SQL}
    if not asked:
        return {}
    limited = Instance.objects.filter(project_id=project_id, name__in=asked.values(), max_concurrent__isnull=False)
    slots = {instance.name: f"instance:{instance.pk}" for instance in limited.only("name")}
    return {name: slots[instance] for name, instance in asked.items() if instance in slots}


def queue_of(row: Mapping[str, Any]) -> str:
    """Functions that burn CPU go to the prefork worker."""
    function = registered().get(row["config"].get("function", "")) if row["kind"] == "function" else None
    return "cpu" if function is not None and function.cpu_bound else "default"


def pinned_instances(project_id: int, names: set[str]) -> dict[str, Pinned]:
    """As `pinned`; instances have no revisions, so theirs is None."""
    rows = Instance.objects.filter(project_id=project_id, name__in=names, enabled=True)
    found = {
        row["name"]: Pinned(row["name"], None, f"instance:{row['id']}" if row["max_concurrent"] else "")
        for row in rows.values("id", "name", "max_concurrent")
    }
    refuse_missing("instance", names - set(found))
    return found


def refuse_missing(kind: str, names: set[str]) -> None:
    """Raises InvalidInput with one error a name, unless `names` is empty."""
    if names:
        errors = [FieldError(kind, f"The {kind} “{name}” does not exist or is switched off.") for name in sorted(names)]
        raise InvalidInput("The workflow uses something that is not there.", errors=errors)


def tools_of_agents(pins: Pins) -> set[str]:
    """Names of the tools that the pinned revisions of agents list."""
    revisions = [pinned.revision for pinned in pins.agents.values() if pinned.revision]
    if not revisions:
        return set()
    snapshots = Revision.objects.filter(pk__in=revisions).values_list("snapshot", flat=True)
    return {tool for snapshot in snapshots for tool in snapshot.get("config", {}).get("tools", [])}
