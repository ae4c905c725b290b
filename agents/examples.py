"""An example input for a JSON Schema, to start a test from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        self.shapes = Shapes(root)
        self.within: list[int] = []
        self.left = MOST_VALUES

    def of(self, schema: Any) -> Any:
        shape = self.shapes.of(schema)
        self.left -= 1
        if not shape or id(shape) in self.within or self.left < 0:
            return None
        given = [*shape.get("examples", [])[:1], *([shape["default"]] if "default" in shape else [])]
        chosen = [*given, *shape.get("enum", [])[:1]]
        return chosen[0] if chosen else self.of_type(shape)

    def of_type(self, schema: Mapping[str, Any]) -> Any:
        properties, kind = schema.get("properties"), schema.get("type")
        first = str(kind[0] if isinstance(kind, list) and kind else kind)
        if isinstance(properties, Mapping) or first == "object":
            return self.of_properties(schema, properties or {})
        return schema.get("minimum", 0) if first in ("integer", "number") else PLAIN.get(first)

    def of_properties(self, schema: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
        if len(self.within) > DEPTH:
            return {}
        self.within.append(id(schema))
        made = {name: self.of(part) for name, part in properties.items()}
        self.within.pop()
        return made
