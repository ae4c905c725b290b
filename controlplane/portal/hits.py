"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass

# Of each kind, so that none hides the others.
EACH = 5


@dataclass(frozen=True)
class Hit:
    """One place. `kind` is page, action or that of a subject; `id` None for the first two; `project` is a slug."""

    kind: str
    icon: str
    label: str
    note: str
    url: str
    id: int | None = None
    project: str = ""
