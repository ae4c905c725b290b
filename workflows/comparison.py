"""Two versions of a workflow beside each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from controlplane.domain.errors import NotFound
from workflows.diff import Change, Row, changes, side_by_side
from workflows.models import Version, VersionState, Workflow

LETTERS_SHOWN = 300
# A page with more lines or changes than this helps nobody and takes seconds to draw.
ROWS_SHOWN = 3000
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class Comparison:
    """From `old` to `new`; either may be the draft."""

    old: Version
    new: Version

    @cached_property
    def changes(self) -> list[Change]:
        """By meaning: what two texts say may be equal although the texts differ."""
        return changes(self.old.specification, self.new.specification)

    @property
    def shown_changes(self) -> list[Change]:
        """The same with `old` and `new` as short texts; empty where one side has nothing."""
        return [
            replace(
                change,
                old="" if change.kind == "added" else shown(change.old),
                new="" if change.kind == "removed" else shown(change.new),
            )
            for change in self.changes[:ROWS_SHOWN]
        ]

    @cached_property
    def rows(self) -> list[Row]:
        """As text, side by side, with three unchanged lines around each change."""
        return side_by_side(self.old.text, self.new.text, context=3)

    @property
    def shown_rows(self) -> list[Row]:
        return self.rows[:ROWS_SHOWN]


def shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LETTERS_SHOWN else f"{text[:LETTERS_SHOWN]}…"


def compare(old: Version, new: Version) -> Comparison:
    return Comparison(old, new)


def find_version(workflow: Workflow, name: str) -> Version:
    """The version called `name`: its number, `draft` or `current`. Raises NotFound."""
    rows = workflow.versions.select_related("workflow__project")
    if name == "draft":
        found = rows.filter(state=VersionState.DRAFT).first()
    elif name == "current":
        found = rows.filter(pk=workflow.current_id).first()
    else:
        is_number = name.isascii() and name.isdecimal() and int(name[:11]) <= LARGEST_NUMBER
        found = rows.filter(number=int(name)).first() if is_number else None
    if found is None:
        raise NotFound(f"{workflow.name} has no version {name[:20]}.")
    return found


def find_exported(workflow: Workflow, name: str) -> Version:
    """The version called `name`; without one the released one, or the draft before the first release."""
    return find_version(workflow, name or ("current" if workflow.current_id else "draft"))
