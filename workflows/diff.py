"""What changed between two versions of a specification: by meaning, and side by side as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

# Above this many lines exact matching becomes slow; difflib's shortcut for frequent lines is used instead.
EXACT_LINES = 4000


@dataclass(frozen=True)
class Change:
    """`kind` is added, removed or changed; `path` such as `steps[fetch].with.days`; `old`, `new` None where absent."""

    kind: str
    path: str
    old: Any = None
    new: Any = None


@dataclass(frozen=True)
class Row:
    """One line of a side-by-side view. `kind` is same, changed, added, removed, or gap for lines left out.

    Line numbers begin at 1 and are None on the side that has no line.
    """

    kind: str
    left_no: int | None
    left: str
    right_no: int | None
    right: str


def changes(old_document: Mapping[str, Any], new_document: Mapping[str, Any]) -> list[Change]:
    """Differences by path, in the order of the old document; steps are matched by their key, not their place."""
    return list(_compare(_by_key(old_document), _by_key(new_document), ""))


def side_by_side(old_text: str, new_text: str, *, context: int | None = None) -> list[Row]:
    """Rows for display; with `context`, unchanged lines farther than that from a change become one `gap` row."""
    left, right = old_text.splitlines(), new_text.splitlines()
    matcher = SequenceMatcher(None, left, right, autojunk=max(len(left), len(right)) > EXACT_LINES)
    rows = [row for tag, a, b, c, d in matcher.get_opcodes() for row in _rows(tag, left[a:b], right[c:d], a + 1, c + 1)]
    return rows if context is None else _with_gaps(rows, context)


def _by_key(document: Mapping[str, Any]) -> dict[str, Any]:
    steps = document.get("steps")
    if not isinstance(steps, list) or not all(map(_has_key, steps)):
        return dict(document)
    return {**document, "steps": _Steps({step["key"]: step for step in steps})}


def _has_key(step: Any) -> bool:
    return isinstance(step, Mapping) and isinstance(step.get("key"), str)


class _Steps(dict[str, Any]):
    """Steps by key; only their paths are written differently."""


def _compare(old: Any, new: Any, path: str) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _compare_objects(old, new, path)
    elif _has_parts(old) and _has_parts(new):
        yield from _compare_lists(old, new, path)
    elif _differ(old, new):
        yield Change("changed", path, old, new)


def _compare_objects(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        where = f"{path}[{key}]" if isinstance(new, _Steps) else f"{path}.{key}" if path else key
        if key not in new:
            yield Change("removed", where, old=old[key])
        elif key not in old:
            yield Change("added", where, new=new[key])
        else:
            yield from _compare(old[key], new[key], where)


def _compare_lists(old: list[Any], new: list[Any], path: str) -> Iterator[Change]:
    for index in range(max(len(old), len(new))):
        where = f"{path}[{index}]"
        if index >= len(new):
            yield Change("removed", where, old=old[index])
        elif index >= len(old):
            yield Change("added", where, new=new[index])
        else:
            yield from _compare(old[index], new[index], where)


def _has_parts(value: Any) -> bool:
    """A list worth looking into; a list of plain values changes as one."""
    return isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value)


def _differ(old: Any, new: Any) -> bool:
    """1 and true, and 1 and 1.0, are not the same in JSON."""
    return repr(old) != repr(new) if isinstance(old, list) else type(old) is not type(new) or old != new


def _rows(tag: str, left: list[str], right: list[str], left_no: int, right_no: int) -> Iterator[Row]:
    for index in range(max(len(left), len(right))):
        on_left, on_right = index < len(left), index < len(right)
        kind = "same" if tag == "equal" else "changed"
        if on_left != on_right:
            kind = "removed" if on_left else "added"
        yield Row(
            kind,
            left_no + index if on_left else None,
            left[index] if on_left else "",
            right_no + index if on_right else None,
            right[index] if on_right else "",
        )


def _with_gaps(rows: list[Row], context: int) -> list[Row]:
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - context, index + context + 1))
    shown: list[Row] = []
    for index, row in enumerate(rows):
        if index in near:
            shown.append(row)
        elif not shown or shown[-1].kind != "gap":
            shown.append(Row("gap", None, "", None, ""))
    return shown
