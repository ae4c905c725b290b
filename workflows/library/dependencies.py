"""Who refers to whom: a specification to tools, agents, instances and workflows, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import F, Q, QuerySet

from agents.catalogue.dependents import Dependent
from workflows.kinds import reference_of
from workflows.models import VersionState, Workflow
from workflows.specification.graph import find_cycle

# No name is longer; whatever an unfinished draft holds must still fit into the index.
LONGEST = 100


def uses_of(document: Mapping[str, Any]) -> list[str]:
    """What `document`, perhaps an unfinished one, refers to: `tool:NAME`, `agent:…`, `instance:…`, `workflow:…`."""
    return sorted({use for _, use in uses_by_step(document) if len(use) <= LONGEST})


def uses_by_step(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """(index of the step, what it refers to)."""
    steps = document.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        found = reference_of(step.get("uses"), step.get("with")) if isinstance(step, Mapping) else None
        if found:
            yield index, ":".join(found)


def workflows_using(project_id: int, use: str) -> QuerySet[Workflow]:
    """Workflows, without archived ones, whose current version or draft refers to `use`, such as `tool:list-issues`."""
    in_force = Q(versions__uses__contains=[use]) & (
        Q(versions__state=VersionState.DRAFT) | Q(versions__pk=F("current_id"))
    )
    return Workflow.objects.live().filter(in_force, project_id=project_id).distinct()


def find_dependents(kind: str, project_id: int, name: str) -> list[Dependent]:
    """The workflows that would break without the tool, agent, instance or workflow `name`."""
    found = workflows_using(project_id, f"{kind}:{name}").values_list("name", "pk")
    return [Dependent("workflow", workflow, "workflows:detail", pk) for workflow, pk in found]


def circle_through(workflow: Workflow, document: Mapping[str, Any]) -> list[str]:
    """Names of workflows that would call each other without end if `document` were released; empty when none do."""
    calls = {workflow.name: called_by(uses_of(document))}
    if not calls[workflow.name]:
        return []
    released = Workflow.objects.live().filter(project_id=workflow.project_id, current__isnull=False)
    others = released.exclude(pk=workflow.pk)
    for name, uses in others.values_list("name", "current__uses"):
        calls[name] = called_by(uses)
    reached = {workflow.name: calls.pop(workflow.name)}
    waiting = list(reached[workflow.name])
    while waiting:
        name = waiting.pop()
        if name in calls:
            reached[name] = calls.pop(name)
            waiting.extend(reached[name])
    return find_cycle(reached)


def called_by(uses: list[str]) -> list[str]:
    return [use.removeprefix("workflow:") for use in uses if use.startswith("workflow:")]
