"""Two versions of anything beside each other: by meaning, and as text."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from controlplane.domain.diff import Change, Row, changes, side_by_side

LETTERS_SHOWN = 300
# A page with more lines or changes than this helps nobody and takes seconds to draw.
ROWS_SHOWN = 3000


class Versioned(Protocol):
    """What can be compared: a workflow's version, a tool's or an agent's revision."""

    pk: int
    number: int

    @property
    def specification(self) -> Any: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Comparison:
    """From `old` to `new`, both `Versioned`."""

    old: Any
    new: Any

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
                old="" if change.kind == "added" else shortened(change.old),
                new="" if change.kind == "removed" else shortened(change.new),
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


def shortened(value: Any) -> str:
    """Text as it is, anything else as JSON, cut at LETTERS_SHOWN."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LETTERS_SHOWN else f"{text[:LETTERS_SHOWN]}…"


def compare(old: Versioned, new: Versioned) -> Comparison:
    return Comparison(old, new)
