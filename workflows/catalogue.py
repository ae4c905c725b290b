"""What the specifications of one project may refer to, read when asked for: one query a kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from agents.models import Agent, Instance, Tool
from controlplane.projects.models import Project
from workflows.models import Workflow
from workflows.specification.catalogue import Schema


class ProjectCatalogue:
    """A `Catalogue` of what exists in `project` now. Make a new one for each check."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def tools(self) -> Mapping[str, Schema | None]:
        rows = Tool.objects.filter(project=self.project).values_list("name", "input_schema")
        return {name: schema or None for name, schema in rows}

    @cached_property
    def agents(self) -> Collection[str]:
        return set(Agent.objects.filter(project=self.project).values_list("name", flat=True))

    @cached_property
    def instances(self) -> Collection[str]:
        return set(Instance.objects.filter(project=self.project).values_list("name", flat=True))

    @cached_property
    def workflows(self) -> Mapping[str, Schema | None]:
        rows = Workflow.objects.live().filter(project=self.project)
        found = rows.values_list("name", "current_id", "current__document__params")
        return {name: None if current is None else params or {} for name, current, params in found}
