"""JSON Schema (2020-12) for what users declare and send, with errors a person can read.

Nothing is fetched: `$ref` reaches only into the same schema. Patterns run in linear time.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from itertools import islice
from typing import Any, cast
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable

from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.patterns import matches

Schema = Mapping[str, Any]
DEPTH_LIMIT = 32
# Looks at a part of the value, a list or an object costing as many more as it has parts. A few hundred bytes of schema
# can ask for billions.
CHECKS, CHECKS_A_PART = 50_000, 20
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
    meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    faults = [fault for error in meta.iter_errors(schema) for fault in _explained(error)]
    return faults or [*_bad_references(schema), *_bad_patterns(schema)]


def value_faults(schema: Schema, value: Any) -> list[Fault]:
    """What in `value` breaks `schema`, a schema without faults of its own."""
    _left.set(CHECKS + CHECKS_A_PART * sum(map(len, _levels(value))))
    try:
        errors = list(_Validator(schema, format_checker=FORMATS).iter_errors(value))
    except (RecursionError, Unresolvable, SchemaError, WrongType, _TooManyChecks) as error:
        reason = "it refers to itself without end" if isinstance(error, RecursionError) else str(error)
        return [Fault("", f"The schema cannot be applied: {reason}.", "schema")]
    faults = [fault for error in errors for fault in _explained(error)]
    mistyped = {fault.path for fault in faults if fault.code == "type"}
    return [fault for fault in faults if fault.code == "type" or fault.path not in mistyped]


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
    rule, schema = cast(Any, error.validator_value), cast(Any, error.schema)
    if code == "required":
        missing = [name for name in rule if name not in value]
        name = next((one for one in missing if repr(one) in error.message), missing[0])
        yield Fault(join_path([*path, name]), "This is required.", "required", value)
    elif code == "additionalProperties" and isinstance(value, Mapping):
        known = list(schema.get("properties", {}))
        for name in value:
            if name not in known:
                message = f"There is no {name!r} here.{suggestion(str(name), known)}"
                yield Fault(join_path([*path, name]), message, "unknown", value)
    else:
        yield Fault(join_path(path), _sentence(error), code, value)


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


def _subschemas(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    """Every object in a schema that may hold keywords; what is data (`default`, `enum`, …) is passed over."""
    if isinstance(schema, Mapping):
        yield path, schema
        for key, part in schema.items():
            if key not in ("default", "const", "enum", "examples"):
                yield from _subschemas(part, (*path, key))
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _subschemas(part, (*path, index))


def _bad_references(schema: Schema) -> Iterator[Fault]:
    for path, part in _subschemas(schema):
        if path and path[-1] == "properties":
            continue
        for keyword in ("$id", "$dynamicRef", "$anchor", "$dynamicAnchor"):
            if keyword in part:
                yield Fault(join_path([*path, keyword]), f"{keyword} is not available.", "reference")
        reference = part.get("$ref")
        if reference is not None and resolve(schema, reference) is None:
            message = f"{reference!r} does not lead to a part of this schema; write #/$defs/NAME."
            yield Fault(join_path([*path, "$ref"]), message, "reference")


def resolve(schema: Schema, reference: object) -> Any:
    """The part of `schema` that `#/a/b` names; None when there is none or it lies elsewhere."""
    if reference == "#":
        return schema
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Any = schema
    for name in reference[2:].split("/"):
        name = name.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _bad_patterns(schema: Schema) -> Iterator[Fault]:
    for path, part in _subschemas(schema):
        if path and path[-1] == "properties":
            continue
        names = part.get("patternProperties")
        for pattern in [part.get("pattern"), *(names if isinstance(names, Mapping) else ())]:
            try:
                if isinstance(pattern, str):
                    matches("", pattern)
            except WrongType as error:
                yield Fault(join_path([*path, "pattern"]), str(error), "pattern")


def _pattern(validator: Any, rule: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(value, rule):
        yield ValidationError(f"{value[:60]!r} does not match {rule}")


def _pattern_properties(validator: Any, rules: Schema, value: Any, schema: Schema) -> Iterator[ValidationError]:
    if not isinstance(value, Mapping):
        return
    for pattern, rule in rules.items():
        for name, part in value.items():
            if matches(name, pattern):
                yield from validator.descend(part, rule, path=name, schema_path=pattern)


class _TooManyChecks(Exception):
    """The schema looks at parts of the value again and again."""


_left: ContextVar[int] = ContextVar("checks_left")


def _descend(self: Any, instance: Any, schema: Any, **where: Any) -> Iterator[ValidationError]:
    """As the library's, within the number of checks that `value_faults` grants."""
    left = _left.get() - 1 - (len(instance) if isinstance(instance, Mapping | list) else 0)
    if left < 0:
        raise _TooManyChecks("it asks for more checks than a value of this size may have")
    _left.set(left)
    return Draft202012Validator.descend(self, instance, schema, **where)


def _evolve(self: Any, *, schema: Any, _resolver: Any = None) -> Any:
    """The library's would leave our rules where a part of the schema names a `$schema`."""
    return _Validator(schema, format_checker=self.format_checker, _resolver=_resolver or self._resolver)


_Validator = extend(Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties})
_Validator.descend, _Validator.evolve = _descend, _evolve
FORMATS = FormatChecker(formats=())
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def _checked(name: str, read: Any) -> None:
    def check(value: object) -> bool:
        return not isinstance(value, str) or bool(read(value))

    FORMATS.checks(name, raises=ValueError)(check)


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", text)


def _is_moment(text: str) -> bool:
    return len(text) > 10 and text[10] in "Tt " and datetime.fromisoformat(text).tzinfo is not None


_checked("date", lambda text: len(text) == 10 and date.fromisoformat(text))
_checked("date-time", _is_moment)
_checked("time", lambda text: time.fromisoformat(text) is not None)
_checked("email", lambda text: len(text) <= 254 and _EMAIL.fullmatch(text))
_checked("uri", _is_uri)
_checked("uuid", lambda text: len(text) == 36 and uuid.UUID(text))
_checked("ipv4", ipaddress.IPv4Address)
_checked("ipv6", ipaddress.IPv6Address)
