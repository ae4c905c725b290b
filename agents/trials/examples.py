"""An example input for a JSON Schema, to start a test from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain.schemas.defaults import alike
from controlplane.domain.schemas.shape import Shapes

DEPTH = 5
# A few hundred bytes of schema can describe millions of values.
MOST_VALUES = 500
PLAIN: dict[str, Any] = {"string": "", "boolean": False, "array": [], "null": None}


def example_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Every property with its example, default, first choice or an empty value of its type."""
    made = _Example(schema).of(schema)
    return made if isinstance(made, dict) else {}


class _Example:
    """What refers to itself is left out within itself."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root, self.shapes = root, Shapes(root)
        self.within: frozenset[int] = frozenset()
        self.depth = 0
        self.left = MOST_VALUES

    def of(self, schema: Any) -> Any:
        shape = self.shapes.of(schema)
        self.left -= 1
        parts = [id(one) for one in alike(schema, self.root)]
        if self.left < 0 or any(part in self.within for part in parts):
            return None
        given = [*shape.get("examples", [])[:1], *([shape["default"]] if "default" in shape else [])]
        chosen = [*given, *shape.get("enum", [])[:1]]
        return chosen[0] if chosen else self.of_type(shape, parts)

    def of_type(self, schema: Mapping[str, Any], parts: list[int]) -> Any:
        properties, kind = schema.get("properties"), schema.get("type")
        first = str(kind[0] if isinstance(kind, list) and kind else kind)
        if isinstance(properties, Mapping) or first == "object":
            return self.of_properties(parts, properties or {})
        return schema.get("minimum", 0) if first in ("integer", "number") else PLAIN.get(first)

    def of_properties(self, parts: list[int], properties: Mapping[str, Any]) -> dict[str, Any]:
        if self.depth > DEPTH:
            return {}
        above, self.within, self.depth = self.within, self.within | {*parts}, self.depth + 1
        made = {name: self.of(part) for name, part in properties.items()}
        self.within, self.depth = above, self.depth - 1
        return made
