"""`make docs`: write what `workflows/kinds` declares into docs/specification.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand

from controlplane.embedded.folders import REPOSITORY
from workflows.kinds import KINDS, StepKind

GUIDE = REPOSITORY / "docs/specification.md"
BEGIN, END = "<!-- Written by make docs: -->\n", "<!-- To here. -->\n"


def documented(guide: str) -> str:
    """The guide with its part about kinds as the kinds have it now."""
    before, _, rest = guide.partition(BEGIN)
    return f"{before}{BEGIN}\n{part_about(KINDS.values())}\n{END}{rest.partition(END)[2]}"


def part_about(kinds: Iterable[StepKind]) -> str:
    usable = [kind for kind in kinds if not kind.unavailable]
    rows = ["| `uses` | What it does | `with` |", "|---|---|---|", *(row for kind in usable for row in rows_of(kind))]
    examples = [f"  - {kind.example}" for kind in usable]
    return "\n".join([*rows, "", *sentences(kinds), "", "```yaml", "steps:", *examples, "```", ""])


def rows_of(kind: StepKind) -> Iterator[str]:
    first, *others = kind.forms
    yield f"| `{first}` | {kind.does} | {kind.takes} |"
    for form in others:
        yield f"| `{form}` | | {kind.target.without if kind.target else ''} |"


def sentences(kinds: Iterable[StepKind]) -> Iterator[str]:
    pure = [f"`{kind.name}`" for kind in kinds if kind.pure]
    waiting = [f"`{kind.name}`" for kind in kinds if kind.waits_for and not kind.unavailable]
    yield f"Steps of {listed(pure)} may always be done again; whether a tool or an agent may, it says itself."
    yield f"While {listed(waiting)} wait, no worker is held."
    yield from (kind.unavailable for kind in kinds if kind.unavailable)


def listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


class Command(BaseCommand):
    help = "Write the table of step kinds into docs/specification.md."

    def handle(self, *args: Any, **options: Any) -> None:
        GUIDE.write_text(documented(GUIDE.read_text()))
