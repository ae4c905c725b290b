"""The graph of a workflow's steps. A step is anything with `key` and `needs`; pure Python, linear time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Protocol


class Node(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def needs(self) -> Collection[str]: ...


def edges(steps: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Step key -> keys it needs, in the order of the specification."""
    return {step.key: tuple(step.needs) for step in steps}


def dependents(steps: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Step key -> keys of the steps that need it directly."""
    found: dict[str, list[str]] = {}
    for step in steps:
        found.setdefault(step.key, [])
        for need in step.needs:
            found.setdefault(need, []).append(step.key)
    return {key: tuple(needing) for key, needing in found.items()}


def topological(steps: Iterable[Node]) -> list[str]:
    """Keys so that each follows all it needs, as near to the order of the specification as that goes.

    Raises ValueError naming the cycle when there is one.
    """
    needs = edges(steps)
    if cycle := find_cycle(needs):
        raise ValueError(f"The steps need each other in a circle: {' → '.join(cycle)}")
    order: dict[str, None] = {}
    for key in needs:
        _place(key, needs, order)
    return list(order)


def find_cycle(needs: Mapping[str, Collection[str]]) -> list[str]:
    """One cycle as keys, the first repeated at the end (`[a, b, a]`); empty when there is none."""
    known = {key: [need for need in needed if need in needs] for key, needed in needs.items()}
    try:
        TopologicalSorter(known).prepare()
    except CycleError as error:
        # It goes from what is needed to what needs it.
        return error.args[1][::-1]
    return []


def upstream(key: str, needs: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Every step that `key` needs, directly or through others; without itself."""
    found: set[str] = set()
    waiting = list(needs.get(key, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(needs.get(one, ()))
    return frozenset(found)


def layout(steps: Iterable[Node]) -> dict[str, tuple[int, int]]:
    """Key -> (column, row) for drawing from left to right: a step stands right of all it needs.

    Rows follow the middle of what a step needs, so that straight chains stay straight.
    """
    known = list(steps)
    needs = edges(known)
    columns: dict[str, int] = {}
    for key in topological(known):
        columns[key] = 1 + max((columns[need] for need in needs[key] if need in columns), default=-1)
    places: dict[str, tuple[int, int]] = {}
    for column in range(max(columns.values(), default=-1) + 1):
        here = [key for key in needs if columns[key] == column]
        here.sort(key=lambda key: _middle(needs[key], places))
        places |= {key: (column, row) for row, key in enumerate(here)}
    return places


def _middle(keys: Collection[str], places: Mapping[str, tuple[int, int]]) -> float:
    rows = [places[key][1] for key in keys if key in places]
    return sum(rows) / len(rows) if rows else 0.0


def _place(start: str, needs: Mapping[str, Collection[str]], order: dict[str, None]) -> None:
    stack = [start]
    while stack:
        key = stack[-1]
        missing = [need for need in needs[key] if need in needs and need not in order]
        if missing:
            stack.extend(reversed(missing))
            continue
        order[key] = None
        stack.pop()
