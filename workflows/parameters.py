"""The inputs of a run: checked against the parameters' JSON Schema, with defaults filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import DEPTH_LIMIT, Schema, depth_of, resolve, unstorable, value_faults

SIZE_LIMIT = 1024 * 1024
# Properties that are looked at because they are absent; a few hundred bytes of schema can ask for billions.
MOST_DEFAULTS = 500_000
_COMBINED = ("allOf", "anyOf", "oneOf", "if", "$ref", "patternProperties", "unevaluatedProperties")


def check_inputs(schema: Schema, inputs: Any) -> dict[str, Any]:
    """`inputs` with defaults filled in, nested ones too; `schema` is the workflow's params, empty when it takes none.

    Raises InvalidInput with fields such as `inputs.days`. Inputs the schema does not list are refused unless it says
    `additionalProperties`. At most 1 MiB and 32 levels.
    """
    if inputs is None:
        inputs = {}
    _check_size(inputs)
    if not schema and inputs:
        raise _invalid([FieldError(f"inputs.{name}", "This workflow takes no inputs.", "unknown") for name in inputs])
    filled = with_defaults(schema, inputs, schema)
    errors = [
        FieldError(f"inputs.{fault.path}".rstrip("."), fault.message, fault.code)
        for fault in value_faults(closed(schema), filled)
    ]
    if errors:
        raise _invalid(errors)
    return filled


def closed(schema: Schema) -> Schema:
    """The same schema, refusing what it does not list wherever it lists properties and leaves the rest open."""
    made = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        made["properties"] = {
            name: closed(part) if isinstance(part, Mapping) else part for name, part in properties.items()
        }
        if not any(keyword in schema for keyword in _COMBINED):
            made.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), Mapping):
        made["items"] = closed(schema["items"])
    return made


def with_defaults(schema: Any, value: Any, root: Schema) -> Any:
    """A copy of `value` in which absent properties have their defaults. Raises InvalidInput for too many of them."""
    return _Defaults(root).filled(schema, value, 0)


class _Defaults:
    """Fills in the defaults of one value. A schema may refer to itself: an absent part has none within itself."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.within: list[int] = []
        self.left = MOST_DEFAULTS

    def filled(self, schema: Any, value: Any, depth: int) -> Any:
        schema = _resolved(schema, self.root)
        if not isinstance(schema, Mapping) or depth > DEPTH_LIMIT:
            return value
        if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            return [self.filled(schema["items"], one, depth + 1) for one in value]
        properties = schema.get("properties")
        if not isinstance(value, dict) or not isinstance(properties, Mapping):
            return value
        made = dict(value)
        self.within.append(id(schema))
        for name, part in properties.items():
            if name in value:
                made[name] = self.filled(part, value[name], depth + 1)
            else:
                made |= self.absent(name, _resolved(part, self.root), depth)
        self.within.pop()
        return made

    def absent(self, name: str, schema: Any, depth: int) -> dict[str, Any]:
        """The default of an absent property: its own, or an object of its properties' defaults if that is complete."""
        self.left -= 1
        if self.left < 0:
            raise InvalidInput.field("inputs", "The schema gives more defaults than inputs may have.", "too_large")
        if not isinstance(schema, Mapping):
            return {}
        if "default" in schema:
            return {name: self.filled(schema, deepcopy(schema["default"]), depth + 1)}
        if "properties" not in schema or id(schema) in self.within:
            return {}
        made = self.filled(schema, {}, depth + 1)
        complete = made and all(needed in made for needed in schema.get("required", ()))
        return {name: made} if complete else {}


def _resolved(schema: Any, root: Schema) -> Any:
    for _ in range(8):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            break
        schema = resolve(root, schema["$ref"])
    return schema


def _check_size(inputs: Any) -> None:
    if not isinstance(inputs, dict):
        raise InvalidInput.field("inputs", "The inputs must be an object.", "type")
    if depth_of(inputs) > DEPTH_LIMIT:
        message = f"The inputs are nested more than {DEPTH_LIMIT} levels deep."
        raise InvalidInput.field("inputs", message, "too_deep")
    try:
        text = json.dumps(inputs, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidInput.field("inputs", "The inputs hold a value that JSON does not have.", "type")
    if len(text) > SIZE_LIMIT:
        raise InvalidInput.field("inputs", "The inputs are larger than 1 MiB.", "too_large")
    path = unstorable(inputs)
    if path is not None:
        raise InvalidInput.field(f"inputs.{path}", "This text holds characters that cannot be stored.", "unstorable")


def _invalid(errors: list[FieldError]) -> InvalidInput:
    return InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)
