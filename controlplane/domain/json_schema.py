"""JSON Schema (2020-12) for what users declare and send, with errors a person can read.

Nothing is fetched: `$ref` reaches only into the same schema. Patterns run in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError

from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.patterns import matches
from controlplane.domain.schemas.parts import Schema, circle, resolve, subschemas
from controlplane.domain.schemas.validator import NotApplicable, limited, validator_of

DEPTH_LIMIT = 32
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: `path` below the value (`items[2].to`, empty for the value itself), a sentence, a stable code.

    `value` is the part of the input the rule looked at.
    """

    path: str
    message: str
    code: str
    value: Any = None


def schema_faults(schema: Any) -> list[Fault]:
    """What keeps `schema` from being used; paths lead into the schema."""
    if not isinstance(schema, Mapping):
        return [Fault("", "A JSON Schema must be an object.", "type")]
    if depth_of(schema) > DEPTH_LIMIT:
        return [Fault("", f"The schema is nested more than {DEPTH_LIMIT} levels deep.", "too_deep")]
    faults = [fault for error in _META.iter_errors(schema) for fault in _explained(error)]
    return faults or [*_bad_references(schema), *_bad_patterns(schema)] or _bad_targets(schema) or _circular(schema)


def value_faults(schema: Any, value: Any, *, root: Schema | None = None) -> list[Fault]:
    """What in `value` breaks `schema`, one without faults of its own. Its references lead into `root`, if given."""
    try:
        with limited(value):
            faults = [one for error in validator_of(schema, root).iter_errors(value) for one in _explained(error)]
    except NotApplicable as error:
        return [not_applicable(error)]
    mistyped = {fault.path for fault in faults if fault.code == "type"}
    return [fault for fault in faults if fault.code == "type" or fault.path not in mistyped]


def closed(properties: Mapping[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """The schema of an object that has these and nothing else; `more` are further keywords."""
    made = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {**made, **more}


def not_applicable(error: NotApplicable) -> Fault:
    return Fault("", f"The schema cannot be applied: {error}.", "schema")


def depth_of(value: Any) -> int:
    """How deeply objects and lists are nested; counting stops at a thousand."""
    return sum(1 for _ in islice(_levels(value), 1000))


def _levels(value: Any) -> Iterator[list[Any]]:
    """The value, its parts, their parts and so on."""
    level = [value]
    while level:
        yield level
        level = [
            child
            for one in level
            if isinstance(one, Mapping | list)
            for child in (one.values() if isinstance(one, Mapping) else one)
        ]


def unstorable(value: Any, path: str = "") -> str | None:
    """The path of the first text the database cannot keep (a NUL, half a surrogate pair); None when all is well."""
    if isinstance(value, str):
        return path if _UNSTORABLE.search(value) else None
    if isinstance(value, Mapping):
        parts: list[tuple[str, tuple[Any, ...]]]
        parts = [(f"{path}.{key}" if path else str(key), (str(key), part)) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{path}[{index}]", (part,)) for index, part in enumerate(value)]
    else:
        return None
    found = (unstorable(one, where) for where, several in parts for one in several)
    return next((where for where in found if where is not None), None)


def suggestion(word: str, known: Sequence[str]) -> str:
    """` Did you mean days?`, or nothing when no known word is close."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def join_path(parts: Sequence[str | int]) -> str:
    """`["items", 2, "to"]` -> `items[2].to`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _explained(error: ValidationError) -> Iterator[Fault]:
    path = list(error.absolute_path)
    code, value = str(error.validator), cast(Any, error.instance)
    if code == "required":
        missing = [name for name in cast(Any, error.validator_value) if name not in value]
        name = next((one for one in missing if repr(one) in error.message), missing[0])
        yield Fault(join_path([*path, name]), "This is required.", "required", value)
    elif code in _CLOSING and error.validator_value is False:
        yield unknown(path, list(cast(Any, error.schema).get("properties", {})), value)
    elif code in ("anyOf", "oneOf") and (meant := _meant(error)):
        for one in meant:
            yield from _explained(one)
    else:
        yield Fault(join_path(path), _sentence(error), code, value)


def unknown(path: Sequence[str | int], known: Sequence[str], holder: Any) -> Fault:
    """That `holder` has a key, the last of `path`, which is not listed."""
    message = f"There is no {path[-1]!r} here.{suggestion(str(path[-1]), known)}"
    return Fault(join_path(path), message, "unknown", holder)


def _meant(error: ValidationError) -> list[ValidationError]:
    """The errors of the only form that is of the value's type, which is the one that was meant."""
    forms: dict[int, list[ValidationError]] = {}
    for one in error.context or ():
        forms.setdefault(cast(int, one.relative_schema_path[0]), []).append(one)
    near = [errors for errors in forms.values() if not any(_is_other(one) for one in errors)]
    return near[0] if len(near) == 1 else []


def _is_other(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "enum", "const", None)


def _sentence(error: ValidationError) -> str:
    write = _SENTENCES.get(str(error.validator))
    if write:
        return f"{write(error.validator_value, error.instance)}."
    return f"{error.message[:200]}."


def _type_sentence(wanted: Any, value: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    words = " or ".join(_ARTICLES.get(name, name) for name in names)
    return f"This must be {words}, not {_type_of(value)}"


def _choices(values: Any) -> str:
    shown = ", ".join("null" if one is None else str(one) for one in list(values)[:20])
    return f"{shown}, …" if len(values) > 20 else shown


_ARTICLES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_SENTENCES: dict[str, Any] = {
    "type": _type_sentence,
    "enum": lambda rule, value: f"This must be one of {_choices(rule)}",
    "const": lambda rule, value: f"This must be {rule!r}",
    "minimum": lambda rule, value: f"This must be at least {rule}",
    "maximum": lambda rule, value: f"This must be at most {rule}",
    "exclusiveMinimum": lambda rule, value: f"This must be more than {rule}",
    "exclusiveMaximum": lambda rule, value: f"This must be less than {rule}",
    "multipleOf": lambda rule, value: f"This must be a multiple of {rule}",
    "minLength": lambda rule, value: f"This must have at least {rule} characters",
    "maxLength": lambda rule, value: f"This must have at most {rule} characters",
    "minItems": lambda rule, value: f"This must have at least {rule} items",
    "maxItems": lambda rule, value: f"This must have at most {rule} items",
    "uniqueItems": lambda rule, value: "The items must all be different",
    "pattern": lambda rule, value: f"This must match the pattern {rule}",
    "format": lambda rule, value: f"This is not a valid {rule}",
    "anyOf": lambda rule, value: "This has none of the allowed forms",
    "oneOf": lambda rule, value: "This must have exactly one of the allowed forms",
    "not": lambda rule, value: "This form is not allowed",
}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array"), (Mapping, "object")):
        if isinstance(value, kind):
            return _ARTICLES[name]
    return "null"


def _bad_references(schema: Schema) -> Iterator[Fault]:
    for path, part in subschemas(schema):
        for keyword in ("$id", "$dynamicRef", "$anchor", "$dynamicAnchor"):
            if keyword in part:
                yield Fault(join_path([*path, keyword]), f"{keyword} is not available.", "reference")
        reference = part.get("$ref")
        if reference is not None and not isinstance(resolve(schema, reference), Mapping | bool):
            message = f"{reference!r} does not lead to a part of this schema; write #/$defs/NAME."
            yield Fault(join_path([*path, "$ref"]), message, "reference")


def _bad_patterns(schema: Schema) -> Iterator[Fault]:
    for path, part in subschemas(schema):
        names = part.get("patternProperties")
        for pattern in [part.get("pattern"), *(names if isinstance(names, Mapping) else ())]:
            try:
                if isinstance(pattern, str):
                    matches("", pattern)
            except WrongType as error:
                yield Fault(join_path([*path, "pattern"]), str(error), "pattern")


def _bad_targets(schema: Schema) -> list[Fault]:
    """What only a reference makes a schema of, such as a part of an example, has not been looked at as one."""
    looked_at = {id(part) for _, part in subschemas(schema, referred=False)}
    return [
        Fault(join_path(path), f"A $ref makes this a schema, and it is none: {fault.message}", "reference")
        for path, part in subschemas(schema)
        if id(part) not in looked_at
        for error in islice(_META.iter_errors(part), 1)
        for fault in _explained(error)
    ]


def _circular(schema: Schema) -> list[Fault]:
    found = circle(schema)
    paths = [path for path, part in subschemas(schema) if found and part is found[0]]
    return [Fault(join_path(path), "This refers to itself without end.", "reference") for path in paths]


_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)
_CLOSING = ("additionalProperties", "unevaluatedProperties")
