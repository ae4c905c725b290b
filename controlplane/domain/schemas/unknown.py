"""What a value has and its schema does not list, at every level: refused although JSON Schema lets it pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.domain.json_schema import Fault, not_applicable, unknown, value_faults
from controlplane.domain.schemas.parts import (
    LISTING,
    Path,
    Schema,
    always,
    choices,
    parts_by_index,
    parts_by_name,
    sometimes,
)
from controlplane.domain.schemas.validator import NotApplicable, fits, limited, spend

# Whether a value has one of several forms is asked again at each level.
TIMES = 8


def closed_faults(schema: Any, value: Any, *, root: Schema | None = None) -> list[Fault]:
    """As `value_faults`, and each key that is not listed where the schema lists keys and does not say what others may.

    A key is known when any form that the value has knows it; while the value has faults, when any form at all does.
    """
    faults = value_faults(schema, value, root=root)
    if any(fault.code == "schema" for fault in faults):
        return faults
    told = {fault.path for fault in faults}
    try:
        with limited(value, times=TIMES):
            found = list(_Unlisted(schema if root is None else root, exact=not faults).within([schema], value, ()))
    except NotApplicable as error:
        return [not_applicable(error)]
    return [*faults, *(fault for fault in found if fault.path not in told)]


@dataclass(frozen=True)
class _InForce:
    """Schemas that hold for one value, and whether they list the keys it may have."""

    schemas: tuple[Schema, ...] = ()
    lists: bool = False


class _Unlisted:
    def __init__(self, root: Schema, *, exact: bool) -> None:
        self.root = root
        self.fits = self.really_fits if exact else None

    def within(self, schemas: list[Any], value: Any, path: Path) -> Iterator[Fault]:
        if not isinstance(value, Mapping | list):
            return
        held = _joined([self.in_force(schema, value, frozenset()) for schema in schemas])
        if isinstance(value, Mapping):
            yield from self.of_keys(held, value, path)
        else:
            by_schema = [parts_by_index(schema, value) for schema in held.schemas]
            for index, part in enumerate(value):
                yield from self.within([parts[index] for parts in by_schema], part, (*path, index))

    def of_keys(self, held: _InForce, value: Mapping[str, Any], path: Path) -> Iterator[Fault]:
        known: dict[str, list[Any]] = {name: [] for name in value}
        for schema in held.schemas:
            for name, parts in parts_by_name(schema, value):
                known[name] += parts
        rest = [schema["unevaluatedProperties"] for schema in held.schemas if "unevaluatedProperties" in schema]
        listed = [name for schema in held.schemas for name in schema.get("properties", {})]
        for name, part in value.items():
            if held.lists and not known[name] and not rest:
                yield unknown((*path, name), listed, value)
            else:
                yield from self.within(known[name] or rest, part, (*path, name))

    def in_force(self, schema: Any, value: Any, above: frozenset[int]) -> _InForce:
        """`schema` and all that it hands `value` on to and that holds for it."""
        if not isinstance(schema, Mapping) or id(schema) in above:
            return _InForce()
        spend(1)
        above |= {id(schema)}
        parts = [*always(schema, self.root), *sometimes(schema, value, self.fits)]
        own = _InForce((schema,), any(keyword in schema for keyword in LISTING))
        forms = [self.chosen(options, value, above) for options in choices(schema)]
        return _joined([own, *(self.in_force(part, value, above) for part in parts), *forms])

    def chosen(self, options: list[Any], value: Any, above: frozenset[int]) -> _InForce:
        """Lists keys only when each form does: an object of any keys may be one of them."""
        fitting = [one for one in options if (self.fits or _may_fit)(one, value)]
        held = [self.in_force(one, value, above) for one in fitting]
        return _InForce(_joined(held).schemas, bool(held) and all(one.lists for one in held))

    def really_fits(self, schema: Any, value: Any) -> bool:
        return fits(schema, value, self.root)


def _may_fit(schema: Any, value: Any) -> bool:
    kinds = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return not kinds or ("object" if isinstance(value, Mapping) else "array") in kinds


def _joined(held: list[_InForce]) -> _InForce:
    return _InForce(tuple(schema for one in held for schema in one.schemas), any(one.lists for one in held))
