"""A form from a JSON Schema: fields for its properties, and what was typed turned back into values.

What a form shows and sends is what it means: no value changes on the way through a browser. What an empty control
means is said beside it, and a value that a control could not give back as it was is shown as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.parts import Schema
from controlplane.domain.schemas.shape import properties_of, required_of
from controlplane.domain.schemas.validator import NotApplicable
from controlplane.ui.schema_fields import Field, Maker, choices_of, kind_of, state_name
from controlplane.ui.schema_values import ABSENT, read

# Django reads at most a thousand controls of a form.
MOST_FIELDS = 300
# Names in forms and errors begin with it, such as `inputs.days`.
PREFIX = "inputs"


def has_fields(schema: Schema) -> bool:
    """Whether there can be a form at all; otherwise all is written as JSON."""
    names = properties_of(schema)
    return 0 < len(names) <= MOST_FIELDS and all(name.isprintable() for name in names)


def without_field(schema: Schema, inputs: Mapping[str, Any]) -> list[str]:
    """The keys of `inputs` that no field would show."""
    return sorted(inputs.keys() - properties_of(schema).keys())


def form_fields(
    schema: Schema, inputs: Mapping[str, Any] | None = None, *, prefix: str = PREFIX, fills: bool = True
) -> list[Field]:
    """A widget for each property in the schema's order, with the value it has in `inputs`.

    What is absent there shows the default that it would get, if something `fills` defaults in; without `inputs` all
    show their defaults.
    """
    defaults, needed = _filled(schema, {}), required_of(schema)
    values = defaults if inputs is None else _filled(schema, inputs) if fills else inputs
    fields = []
    for key, shape in properties_of(schema).items():
        default = defaults.get(key, ABSENT) if fills else ABSENT
        maker = Maker(f"{prefix}.{key}", key, shape, default, key in needed and key not in defaults)
        fields.append(maker.with_value(values.get(key, ABSENT)))
    return fields


def shown_again(fields: Iterable[Field], sent: QueryDict, errors: Iterable[FieldError]) -> list[tuple[Field, str]]:
    """(each field, what is wrong with it); as it was typed, once something was sent."""
    found = list(errors)
    typed = [_typed(one, sent) if sent else one for one in fields]
    return [(one, " ".join(error.message for error in found if belongs(error, one.name))) for one in typed]


def _typed(field: Field, sent: QueryDict) -> Field:
    return field.maker.typed(sent.getlist(field.name), sent.get(field.state_name, "")) if field.maker else field


def _filled(schema: Schema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(with_defaults(schema, dict(inputs)))
    except NotApplicable:
        return dict(inputs)


def belongs(error: FieldError, name: str) -> bool:
    """Whether it lies in the field `name` or somewhere within its value."""
    return error.field == name or error.field.startswith((f"{name}.", f"{name}["))


def inputs_from_form(schema: Schema, data: Mapping[str, str | list[str]], *, prefix: str = PREFIX) -> dict[str, Any]:
    """The inputs that the form fields in `data` (name -> text or texts) mean, still to be held against the schema.

    What was not sent, and what was left empty without saying what that means, is left out. Raises InvalidInput for
    text that is not JSON where JSON is asked for.
    """
    inputs: dict[str, Any] = {}
    errors: list[FieldError] = []
    for key, shape in properties_of(schema).items():
        name = f"{prefix}.{key}"
        state = (_texts(data, state_name(name)) or [""])[-1]
        try:
            value = read(_texts(data, name), state, kind_of(shape), choices_of(shape))
        except ValueError as error:
            errors.append(FieldError(name, f"This is not JSON: {error}.", "syntax"))
        else:
            inputs |= {} if value is ABSENT else {key: value}
    if errors:
        raise InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)
    return inputs


def _texts(data: Mapping[str, str | list[str]], name: str) -> list[str]:
    found = data.get(name, [])
    return found if isinstance(found, list) else [found]
