"""The validator of JSON Schema 2020-12 with our rules: patterns in linear time, a limit on all work, exact numbers."""

from __future__ import annotations

import ipaddress
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from fractions import Fraction
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.exceptions import UnknownType
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable

from controlplane.domain.expressions.errors import WrongType
from controlplane.domain.expressions.patterns import matches
from controlplane.domain.schemas.parts import Schema, listed_parts

# Looks at a part of the value, a list or an object costing as many more as it has parts. A few hundred bytes of schema
# can ask for billions.
CHECKS, CHECKS_A_PART = 50_000, 20


class NotApplicable(Exception):
    """The schema cannot be applied to this value; the text says why."""


class _TooManyChecks(Exception):
    """The schema looks at parts of the value again and again."""


_left: ContextVar[int] = ContextVar("checks_left")


def validator_of(schema: Any, root: Schema | None = None) -> Any:
    """Judges by `schema`, whose references lead into `root`; to be used within `limited`."""
    made = _Validator(schema if root is None else root, format_checker=FORMATS)
    return made if root is None else made.evolve(schema=schema)


def fits(schema: Any, value: Any, root: Schema) -> bool:
    """Whether `value` breaks nothing of `schema`; to be used within `limited`."""
    spend(1)
    return bool(validator_of(schema, root).is_valid(value))


@contextmanager
def limited(value: Any, times: int = 1) -> Iterator[None]:
    """As many checks as a value of this size may have, of what is left where it is used within itself.

    Raises NotApplicable beyond, and for what no schema may be.
    """
    granted = min(CHECKS + times * CHECKS_A_PART * parts_in(value), _left.get(sys.maxsize))
    token = _left.set(granted)
    try:
        yield
    except RecursionError:
        raise NotApplicable("it refers to itself without end") from None
    except (Unresolvable, SchemaError, UnknownType, WrongType, _TooManyChecks) as error:
        raise NotApplicable(str(error).rstrip(".")[:200]) from None
    finally:
        spent = granted - _left.get()
        _left.reset(token)
        if _left.get(None) is not None:
            _left.set(_left.get() - spent)


def spend(checks: int) -> None:
    """Raises when the checks that this value may cost are used up."""
    left = _left.get() - checks
    if left < 0:
        raise _TooManyChecks("it asks for more checks than a value of this size may have")
    _left.set(left)


def parts_in(value: Any) -> int:
    """How many values there are in it, itself and the containers included."""
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, Mapping | list):
            waiting.extend(one.values() if isinstance(one, Mapping) else one)
    return count


def canonical(value: Any) -> str:
    """The same text for the same JSON, in which 1 and 1.0 are different and the order of keys is not."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def same_json(one: Any, other: Any) -> bool:
    """By `canonical`: 1, 1.0 and true are three values."""
    return canonical(one) == canonical(other)


def _descend(self: Any, instance: Any, schema: Any, **where: Any) -> Iterator[ValidationError]:
    """As the library's, within the number of checks that `limited` grants."""
    spend(1 + (len(instance) if isinstance(instance, Mapping | list) else 0))
    return Draft202012Validator.descend(self, instance, schema, **where)


def _evolve(self: Any, *, schema: Any, _resolver: Any = None) -> Any:
    """The library's would leave our rules where a part of the schema names a `$schema`."""
    return _Validator(schema, format_checker=self.format_checker, _resolver=_resolver or self._resolver)


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


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(value, Mapping):
        yield from _of_the_rest(validator, rule, value, set(_listed(schema, value)))


def _unevaluated_properties(validator: Any, rule: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(value, Mapping):
        yield from _of_the_rest(validator, rule, value, set(_evaluated(validator, value, schema)))


def _of_the_rest(validator: Any, rule: Any, value: Schema, known: set[str]) -> Iterator[ValidationError]:
    for name in value:
        if name not in known and rule is False:
            yield ValidationError(f"There is no {name!r} here", path=(name,))
        elif name not in known:
            yield from validator.descend(value[name], rule, path=name, schema_path=name)


def _listed(schema: Schema, value: Schema) -> list[str]:
    return [name for name in value if listed_parts(schema, name)]


def _evaluated(validator: Any, value: Schema, schema: Any) -> Iterator[str]:
    """The keys that `schema` has judged, wherever it hands the same value on to."""
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield from _evaluated(validator, value, validator._resolver.lookup(schema["$ref"]).contents)
    yield from _listed(schema, value)
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if keyword in schema:
            yield from (name for name, part in value.items() if _fits(validator, part, schema[keyword]))
    for part in _judged(validator, value, schema):
        yield from _evaluated(validator, value, part)


def _judged(validator: Any, value: Schema, schema: Schema) -> Iterator[Any]:
    yield from (part for name, part in schema.get("dependentSchemas", {}).items() if name in value)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (part for part in schema.get(keyword, ()) if _fits(validator, value, part))
    if "if" in schema:
        holds = _fits(validator, value, schema["if"])
        yield from (schema["if"], schema.get("then", True)) if holds else (schema.get("else", True),)


def _fits(validator: Any, value: Any, schema: Any) -> bool:
    return next(validator.descend(value, schema), None) is None


def _multiple_of(validator: Any, rule: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """In decimals: 0.3 is a multiple of 0.1, and no number is too large."""
    if not validator.is_type(value, "number"):
        return
    if isinstance(value, float) and not isfinite(value):
        yield ValidationError(f"{value!r} is no multiple of anything")
    elif (Fraction(str(value)) / Fraction(str(rule))).denominator != 1:
        yield ValidationError(f"{value!r} is not a multiple of {rule}")


def _unique_items(validator: Any, rule: bool, value: Any, schema: Schema) -> Iterator[ValidationError]:
    if rule and isinstance(value, list) and len({canonical(_plain(one)) for one in value}) < len(value):
        yield ValidationError("The items are not all different")


def _plain(value: Any) -> Any:
    """With every whole number as an integer: to a schema 1.0 and 1 are the same."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_RULES = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "multipleOf": _multiple_of,
    "uniqueItems": _unique_items,
}
_Validator = extend(Draft202012Validator, _RULES)
_Validator.descend, _Validator.evolve = _descend, _evolve
FORMATS = FormatChecker(formats=())
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _checked(name: str, read: Any) -> None:
    def check(value: object) -> bool:
        return not isinstance(value, str) or bool(read(value))

    FORMATS.checks(name, raises=ValueError)(check)


def is_date(text: str) -> bool:
    """`2026-01-31`; raises ValueError for a day that the month has not."""
    return bool(_DATE.fullmatch(text) and date.fromisoformat(text))


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", text)


def _is_moment(text: str) -> bool:
    return len(text) > 10 and text[10] in "Tt " and datetime.fromisoformat(text).tzinfo is not None


_checked("date", is_date)
_checked("date-time", _is_moment)
_checked("time", lambda text: time.fromisoformat(text) is not None)
_checked("email", lambda text: len(text) <= 254 and _EMAIL.fullmatch(text))
_checked("uri", _is_uri)
_checked("uuid", lambda text: len(text) == 36 and uuid.UUID(text))
_checked("ipv4", ipaddress.IPv4Address)
_checked("ipv6", ipaddress.IPv6Address)
