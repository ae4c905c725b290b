"""What a specification may refer to: the things that exist in its project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workflows.kinds.declaration import Found, Target


class Catalogue(Protocol):
    def named(self, target: Target) -> Found:
        """What exists, by name, with the schema of what it takes; None where it declares none."""


@dataclass(frozen=True)
class StaticCatalogue:
    """A catalogue that is simply listed: noun -> name -> schema."""

    things: Mapping[str, Found] = field(default_factory=dict)

    def named(self, target: Target) -> Found:
        return self.things.get(target.noun, {})
