"""What a specification may refer to: the things that exist in its project."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Schema = Mapping[str, Any]


class Catalogue(Protocol):
    """What exists, by name.

    `tools` maps a name to its input schema, None where it declares none; `workflows` maps a name to the schema of the
    released version's parameters, None while nothing is released.
    """

    @property
    def tools(self) -> Mapping[str, Schema | None]: ...

    @property
    def agents(self) -> Collection[str]: ...

    @property
    def instances(self) -> Collection[str]: ...

    @property
    def workflows(self) -> Mapping[str, Schema | None]: ...


@dataclass(frozen=True)
class Known:
    """A catalogue that is simply listed."""

    tools: Mapping[str, Schema | None] = field(default_factory=dict)
    agents: Collection[str] = ()
    instances: Collection[str] = ()
    workflows: Mapping[str, Schema | None] = field(default_factory=dict)
