"""What the specifications of one project may refer to, read when asked for: one query a sort of thing."""

from __future__ import annotations

from controlplane.projects.models import Project
from workflows.kinds.declaration import Found, Target


class ProjectCatalogue:
    """A `Catalogue` of what exists in `project` now. Make a new one for each check."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._found: dict[str, Found] = {}

    def named(self, target: Target) -> Found:
        if target.noun not in self._found:
            self._found[target.noun] = target.known_in(self.project.pk)
        return self._found[target.noun]
