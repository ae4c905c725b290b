"""Defaults filled in, wherever in a schema they stand: beside or behind `$ref`, in what is combined, in every part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from controlplane.domain.schemas.parts import Schema, always, choices, parts_by_index, parts_by_name, sometimes
from controlplane.domain.schemas.validator import NotApplicable, canonical, fits, limited, parts_in

# A few hundred bytes of schema can ask for billions: looks at what is absent, and characters of JSON that they add.
LOOKS, LOOKS_A_PART, MOST_ADDED = 50_000, 50, 1024 * 1024
DEPTH = 33
_NONE = object()


def with_defaults(schema: Any, value: Any, root: Schema | None = None) -> Any:
    """`value` with its absent properties' defaults; it is left as it is. References lead into `root`, if given.

    Where a value may have several forms it gets the defaults of the first that it then has. Raises NotApplicable.
    """
    if not isinstance(schema, Mapping):
        return value
    with limited(value, times=4):
        return _settled(schema, value, schema if root is None else root)


def _settled(schema: Schema, value: Any, root: Schema) -> Any:
    """A default may make a condition hold that brings further defaults: filled until no more come."""
    for _ in range(8):
        filler = _Defaults(root, value)
        made = filler.filled(schema, value)
        if not filler.chose or canonical(made) == canonical(value):
            return made
        value = made
    raise NotApplicable("its defaults depend on each other without end")


def default_of(schema: Any, root: Schema) -> Any:
    """The default of a property: its own, else that of what it refers to. Raises KeyError when it has none."""
    found = next((one["default"] for one in alike(schema, root) if "default" in one), _NONE)
    if found is _NONE:
        raise KeyError("default")
    return found


def alike(schema: Any, root: Schema) -> Iterator[Schema]:
    """`schema` and what it says in the words of others, `$ref` and `allOf`: all of it holds, the nearest first."""
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Mapping) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting = [*always(one, root), *waiting]


class _Defaults:
    """Fills in one value. A schema may refer to itself: an absent part has none within itself."""

    def __init__(self, root: Schema, value: Any) -> None:
        self.root = root
        self.within: list[int] = []
        self.looks, self.added = LOOKS + LOOKS_A_PART * parts_in(value), MOST_ADDED
        # (schema, value) -> filled; holds the values too, so that none of their ids is given away.
        self.known: dict[tuple[int, int], tuple[Any, Any]] = {}
        self.sizes: dict[int, int] = {}
        self.chose = False

    def filled(self, schema: Any, value: Any, depth: int = 0) -> Any:
        """The same object when nothing was absent, so that what is known of it holds."""
        if not isinstance(schema, Mapping) or not isinstance(value, dict | list):
            return value
        if depth > DEPTH:
            raise NotApplicable("its defaults are nested without end")
        key = (id(schema), id(value))
        if key not in self.known:
            # What asks for the same again meanwhile gets it as it is.
            self.known[key] = (value, value)
            self.known[key] = (value, self.fill(schema, value, depth))
        return self.known[key][1]

    def fill(self, schema: Schema, value: Any, depth: int) -> Any:
        self.grant(looks=1)
        made = self.items(schema, value, depth) if isinstance(value, list) else self.properties(schema, value, depth)
        for part in always(schema, self.root):
            made = self.filled(part, made, depth)
        for part in sometimes(schema, made, self.fits):
            made = self.filled(part, made, depth)
        for forms in choices(schema):
            made = self.first_form(forms, made, depth)
        return made

    def first_form(self, forms: list[Any], value: Any, depth: int) -> Any:
        for form in forms:
            made = self.filled(form, value, depth)
            if self.fits(form, made):
                return made
        return value

    def fits(self, schema: Any, value: Any) -> bool:
        self.chose = True
        return fits(schema, value, self.root)

    def items(self, schema: Schema, value: list[Any], depth: int) -> list[Any]:
        pairs = zip(parts_by_index(schema, value), value, strict=True)
        made = [self.filled(part, one, depth + 1) for part, one in pairs]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made

    def properties(self, schema: Schema, value: dict[str, Any], depth: int) -> dict[str, Any]:
        made = dict(value)
        for name, parts in parts_by_name(schema, value):
            for part in parts:
                made[name] = self.filled(part, made[name], depth + 1)
        self.within.append(id(schema))
        for name, part in schema.get("properties", {}).items():
            if name not in value:
                made |= self.absent(name, part, depth)
        self.within.pop()
        return value if len(made) == len(value) and all(made[name] is value[name] for name in value) else made

    def absent(self, name: str, schema: Any, depth: int) -> dict[str, Any]:
        """The default of an absent property: its own, or an object of its properties' defaults if that is complete."""
        self.grant(looks=1)
        try:
            default = default_of(schema, self.root)
        except KeyError:
            return self.composed(name, schema, depth)
        self.grant(added=self.size_of(default))
        return {name: self.filled(schema, deepcopy(default), depth + 1)}

    def composed(self, name: str, schema: Any, depth: int) -> dict[str, Any]:
        parts = list(alike(schema, self.root))
        if not any("properties" in one for one in parts) or any(id(one) in self.within for one in parts):
            return {}
        made = self.filled(schema, {}, depth + 1)
        complete = made and all(needed in made for one in parts for needed in one.get("required", ()))
        return {name: made} if complete else {}

    def grant(self, looks: int = 0, added: int = 0) -> None:
        self.looks, self.added = self.looks - looks, self.added - added
        if self.looks < 0 or self.added < 0:
            raise NotApplicable("it gives more defaults than a value may have")

    def size_of(self, default: Any) -> int:
        if id(default) not in self.sizes:
            self.sizes[id(default)] = len(canonical(default))
        return self.sizes[id(default)]
