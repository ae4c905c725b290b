"""The kinds of steps, a module each: `KIND` says all that is known of a kind without carrying it out.

An executor is found by the kind's name (`runs/executors`).
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from workflows.kinds.declaration import StepKind

NO_KINDS = {"declaration"}


def gather(folders: Iterable[str]) -> dict[str, StepKind]:
    """Name -> kind, of every module in these folders of the package. Raises ValueError for one that is named amiss."""
    found: dict[str, StepKind] = {}
    for module in sorted(module.name for module in iter_modules(folders)):
        if module in NO_KINDS:
            continue
        kind = import_module(f"{__name__}.{module}").KIND
        if kind.name != module or kind.name in found:
            raise ValueError(f"workflows/kinds/{module}.py declares {kind.name!r}: one kind a module, by its name.")
        found[kind.name] = kind
    return found


KINDS = gather(__path__)


def kind_of(uses: Any) -> StepKind | None:
    """The kind of a step, None when `uses` names none; anything may be given."""
    return KINDS.get(uses.partition(":")[0]) if isinstance(uses, str) else None


def reference_of(uses: Any, with_: Any) -> tuple[str, str] | None:
    """What a step points to, for instance ("tool", "list-issues"); None when it points to nothing by name."""
    kind = kind_of(uses)
    name = kind.name_in(uses, with_) if kind else ""
    return (kind.target.noun, name) if kind and kind.target and name else None
