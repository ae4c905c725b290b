"""An example input for a JSON Schema, to start a test from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain.json_schema import resolve

DEPTH = 5
PLAIN: dict[str, Any] = {"string": "", "boolean": False, "array": [], "null": None}


def example_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Every property with its example, default, first choice or an empty value of its type."""
    made = _example(schema, schema, 0)
    return made if isinstance(made, dict) else {}


def _example(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    schema = resolve(root, schema["$ref"]) if isinstance(schema, Mapping) and "$ref" in schema else schema
    if not isinstance(schema, Mapping) or depth > DEPTH:
        return None
    given = [*schema.get("examples", [])[:1], *([schema["default"]] if "default" in schema else [])]
    chosen = [*given, *schema.get("enum", [])[:1], *([schema["const"]] if "const" in schema else [])]
    if chosen:
        return chosen[0]
    properties = schema.get("properties")
    kind = schema.get("type")
    if isinstance(properties, Mapping) or kind == "object":
        return {name: _example(part, root, depth + 1) for name, part in (properties or {}).items()}
    first = str(kind[0] if isinstance(kind, list) and kind else kind)
    return schema.get("minimum", 0) if first in ("integer", "number") else PLAIN.get(first)
