"""Where a schema has further schemas, and which of them hold for the same value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

from controlplane.domain.expressions.patterns import matches

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
# The keywords whose value is a schema, a list of schemas, schemas by name. All else is data, whatever it looks like.
OF_ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
    *("if", "then", "else", "not", "contentSchema"),
)
OF_LIST = ("prefixItems", "allOf", "anyOf", "oneOf")
BY_NAME = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
# What is asked of the same value, not of a part of it.
IN_PLACE = ("allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas")
LISTING = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties")


def resolve(schema: Schema, reference: object) -> Any:
    """The part of `schema` that `#/a/b` names; None when there is none or it lies elsewhere."""
    if reference == "#":
        return schema
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Any = schema
    for name in unquote(reference[2:]).split("/"):
        found = _below(found, name)
    return found


def _below(found: Any, name: str) -> Any:
    if isinstance(found, list):
        return found[int(name)] if name.isascii() and name.isdigit() and int(name) < len(found) else None
    return found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None


def subschemas(schema: Schema, *, referred: bool = True) -> Iterator[tuple[Path, Schema]]:
    """Every schema within `schema` once, itself first, with its path; if `referred` what only a `$ref` leads to too."""
    seen: set[int] = set()
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, part = waiting.pop()
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        yield path, part
        if referred:
            waiting.append((_pointed(part.get("$ref")), resolve(schema, part.get("$ref"))))
        waiting += reversed([((*path, *where), one) for where, one in parts_of(part)])


def _pointed(reference: Any) -> Path:
    return tuple(unquote(reference[2:]).split("/")) if isinstance(reference, str) and len(reference) > 1 else ()


def parts_of(schema: Schema, keywords: tuple[str, ...] = (*BY_NAME, *OF_LIST, *OF_ONE)) -> Iterator[tuple[Path, Any]]:
    """(path, schema) of the schemas right below, those under `keywords` only."""
    for keyword in keywords:
        found = schema.get(keyword)
        if keyword in OF_ONE and keyword in schema:
            yield (keyword,), found
        elif keyword in OF_LIST and isinstance(found, list):
            yield from (((keyword, index), one) for index, one in enumerate(found))
        elif keyword in BY_NAME and isinstance(found, Mapping):
            yield from (((keyword, name), one) for name, one in found.items())


def circle(root: Schema) -> list[Schema]:
    """Schemas that would judge one and the same value without end, each by asking the next; empty when all is well."""
    known = {id(part): part for _, part in subschemas(root)}
    asked = {name: [id(one) for one in _in_place(root, part) if id(one) in known] for name, part in known.items()}
    try:
        TopologicalSorter(asked).prepare()
    except CycleError as error:
        return [known[name] for name in error.args[1]]
    return []


def _in_place(root: Schema, schema: Schema) -> list[Any]:
    referred = [resolve(root, schema["$ref"])] if "$ref" in schema else []
    return [*referred, *(part for _, part in parts_of(schema, IN_PLACE))]


def always(schema: Schema, root: Schema) -> list[Any]:
    """What holds for every value for which `schema` holds."""
    referred = [resolve(root, schema["$ref"])] if "$ref" in schema else []
    return [*referred, *schema.get("allOf", ())]


def sometimes(schema: Schema, value: Any, fits: Callable[[Any, Any], bool] | None = None) -> Iterator[Any]:
    """What holds for `value` because of what it is. Without `fits` all that might hold."""
    for name, part in schema.get("dependentSchemas", {}).items():
        if fits is None or (isinstance(value, Mapping) and name in value):
            yield part
    if "if" in schema:
        holds = fits is None or fits(schema["if"], value)
        yield from (schema["if"], schema.get("then", True)) if holds else ()
        yield from () if holds and fits else (schema.get("else", True),)


def choices(schema: Schema) -> list[list[Any]]:
    """Lists of schemas of which a value must fit one."""
    return [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]


def listed_parts(schema: Schema, name: str) -> list[Any]:
    """The schemas that `schema` itself has for a key, by its name and by patterns that match it."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    own = [properties[name]] if name in properties else []
    return [*own, *(part for pattern, part in patterns.items() if matches(name, pattern))]


def parts_by_name(schema: Schema, value: Schema) -> Iterator[tuple[str, list[Any]]]:
    """Each key of `value` with the schemas that `schema` itself has for it; none when it does not know the key."""
    rest = [schema["additionalProperties"]] if "additionalProperties" in schema else []
    return ((name, listed_parts(schema, name) or rest) for name in value)


def parts_by_index(schema: Schema, value: list[Any]) -> list[Any]:
    """The schema that `schema` itself has for each item."""
    first = schema.get("prefixItems", ())[: len(value)]
    return [*first, *[schema.get("items", True)] * (len(value) - len(first))]
