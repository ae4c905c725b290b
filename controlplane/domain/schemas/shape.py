"""A schema as a form sees it: `$ref`, `allOf` and “or null” folded into one flat schema. It never judges a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain.schemas.defaults import alike
from controlplane.domain.schemas.parts import Schema, choices
from controlplane.domain.schemas.validator import same_json

Shape = dict[str, Any]
DEPTH = 32


def properties_of(root: Schema) -> dict[str, Shape]:
    """Each property of the object that `root` describes, in its order, with its shape and, in that, its items'."""
    shapes = Shapes(root)
    found = shapes.of(root).get("properties")
    return {key: shapes.with_items(part) for key, part in found.items()} if isinstance(found, Mapping) else {}


def required_of(root: Schema) -> list[str]:
    """Names of the properties that an object must have."""
    return list(Shapes(root).of(root).get("required", ()))


def types_of(shape: Shape) -> list[str]:
    """Without null; empty when any type will do."""
    return [one for one in _listed(shape.get("type")) if one != "null"]


def admits_null(shape: Shape) -> bool:
    if "enum" in shape:
        return None in shape["enum"]
    return "null" in _listed(shape.get("type"))


class Shapes:
    """What holds for every value of a schema, the nearest word first; a choice of forms only as far as it is simple.

    `enum` stands for `const` too. `default` is never that of a form which a value may or may not have.
    """

    def __init__(self, root: Schema) -> None:
        self.root = root
        # Holds the schemas too, so that none of their ids is given away.
        self.known: dict[int, tuple[Any, Shape]] = {}
        self.depth = 0

    def of(self, schema: Any) -> Shape:
        """Empty for what lies within more choices than anybody writes."""
        if id(schema) not in self.known and self.depth < DEPTH:
            self.known[id(schema)] = (schema, {})
            self.depth += 1
            made: Shape = {}
            for one in alike(schema, self.root):
                made = _both(made, self.own(one))
            self.depth -= 1
            self.known[id(schema)] = (schema, made)
        return self.known[id(schema)][1] if id(schema) in self.known else {}

    def with_items(self, schema: Any) -> Shape:
        made = self.of(schema)
        return {**made, "items": self.of(made["items"])} if "items" in made else made

    def own(self, schema: Schema) -> Shape:
        made = {name: part for name, part in schema.items() if name not in ("$ref", "allOf", "anyOf", "oneOf", "const")}
        if "const" in schema:
            made = _both(made, {"enum": [schema["const"]]})
        for forms in choices(schema):
            made = _both(made, _one_of([self.of(form) for form in forms]))
        return made


def _one_of(forms: list[Shape]) -> Shape:
    """What the forms have in common: their only form beside null, their choices, or their type."""
    rest = [form for form in forms if form.get("type") != "null"]
    null = ["null"] if len(rest) < len(forms) else []
    if len(rest) == 1:
        made = {name: part for name, part in rest[0].items() if name != "default"}
    elif rest and all("enum" in form for form in rest):
        made = {"enum": [one for form in rest for one in form["enum"]]}
    else:
        kinds = [kind for form in rest for kind in _listed(form.get("type"))]
        made = {"type": sorted(set(kinds))} if rest and all(form.get("type") for form in rest) else {}
    if null and "enum" in made:
        made["enum"] = [*made["enum"], None]
    if made.get("type"):
        made["type"] = [*_listed(made["type"]), *null]
    return made


def _both(near: Shape, far: Shape) -> Shape:
    made = {**far, **near}
    if "properties" in near and "properties" in far:
        own = near["properties"]
        made["properties"] = {**own, **{key: _all(own.get(key), part) for key, part in far["properties"].items()}}
    if "required" in near and "required" in far:
        made["required"] = [*near["required"], *far["required"]]
    if "type" in near and "type" in far:
        made["type"] = _narrowed(_listed(near["type"]), _listed(far["type"]))
    if "enum" in near and "enum" in far:
        made["enum"] = [one for one in near["enum"] if any(same_json(one, other) for other in far["enum"])]
    return made


def _all(near: Any, far: Any) -> Any:
    return far if near is None else {"allOf": [near, far]}


def _narrowed(near: list[str], far: list[str]) -> list[str]:
    found = [one for one in near if one in far or (one == "integer" and "number" in far)]
    return found + [one for one in far if one == "integer" and "number" in near and one not in near]


def _listed(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, list) else []
