"""A form from a JSON Schema: which widgets its properties ask for, and what was typed turned back into values.

What a form shows and sends is what it means: no value changes on the way through a browser. What an empty control
means is said beside it, and a value that a control could not give back as it was is shown as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.schemas.defaults import with_defaults
from controlplane.domain.schemas.parts import Schema
from controlplane.domain.schemas.shape import Shape, admits_null, properties_of, required_of, types_of
from controlplane.domain.schemas.validator import NotApplicable, same_json
from controlplane.ui.schema_values import (
    ABSENT,
    AS_JSON,
    BOX,
    EMPTY,
    LISTS,
    NOT_GIVEN,
    NULL,
    NUMBERS,
    TEXTS,
    coded,
    lines_of,
    read,
    sent,
    text_of,
    widget,
)

LONG_TEXT = 200
# Django reads at most a thousand controls of a form.
MOST_FIELDS = 300
# Names in forms and errors begin with it, such as `inputs.days`.
PREFIX = "inputs"
_TEXT_FORMATS = {
    "date": "date",
    "date-time": "datetime",
    "email": "email",
    "uri": "url",
    "multiline": "multiline",
    "textarea": "multiline",
}
_IF_EMPTY = {EMPTY: "empty", NULL: "null", NOT_GIVEN: "not given"}


@dataclass(frozen=True)
class Field:
    """One widget. `name` is its name in the form and in errors (`inputs.days`), `key` that of the property.

    `kind` is text, multiline, integer, number, boolean, select, date, datetime, email, url, list (one string a line),
    multiselect or json; `value` is the text to show at first (for list and multiselect too, lines); `choices` are
    (value, label) pairs; `attributes` are HTML attributes such as min and max. `state` goes with it under the name
    `state_name`: what it means when it is empty, one of the (value, label) pairs in `states` if these are several.
    """

    name: str
    key: str
    label: str
    kind: str
    required: bool
    value: str
    help: str
    choices: tuple[tuple[str, str], ...] = ()
    attributes: Mapping[str, str] | None = None
    state: str = ""
    states: tuple[tuple[str, str], ...] = ()

    @property
    def state_name(self) -> str:
        return state_name(self.name)

    @property
    def values(self) -> list[str]:
        """The chosen values of a multiselect, the lines of a list."""
        return self.value.split("\n") if self.value else []

    @property
    def has_blank(self) -> bool:
        """Whether a select offers no choice as well; the only one that is needed is made."""
        return not self.required or (not self.value and len(self.choices) > 1)

    @property
    def area(self) -> str:
        """The content of a `<textarea>`, whose first line end HTML leaves out."""
        return f"\n{self.value}" if self.value.startswith(("\n", "\r")) else self.value


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
    defaults = _defaults(schema, {})
    values = defaults if inputs is None else _defaults(schema, inputs) if fills else inputs
    names = properties_of(schema)
    needed = required_of(schema)
    return [
        _Maker(f"{prefix}.{key}", key, shape, values.get(key, ABSENT), defaults.get(key, ABSENT) if fills else ABSENT)
        .field(required=key in needed and key not in defaults)
        for key, shape in names.items()
    ]  # fmt: skip


def shown_again(fields: Iterable[Field], sent: QueryDict, errors: Iterable[FieldError]) -> list[tuple[Field, str]]:
    """(each field, what is wrong with it); as it was typed, once something was sent."""
    found = list(errors)
    typed = [_as_typed(one, sent) if sent else one for one in fields]
    return [(one, " ".join(error.message for error in found if belongs(error, one.name))) for one in typed]


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


def state_name(name: str) -> str:
    return f"state.{name}"


def kind_of(shape: Shape) -> str:
    """The kind of widget for one property."""
    kinds = types_of(shape)
    kind = kinds[0] if len(kinds) == 1 else ""
    if "enum" in shape:
        return "select"
    if kind == "string":
        return _kind_of_text(shape)
    if kind == "array" and "prefixItems" not in shape:
        return _kind_of_list(shape)
    return kind if kind in (*NUMBERS, "boolean") else "json"


def choices_of(shape: Shape) -> list[Any]:
    """The values to choose from, of one or of many."""
    if "enum" in shape:
        return list(shape["enum"])
    if types_of(shape) == ["boolean"]:
        return [True, False, None] if admits_null(shape) else [True, False]
    return list(_items(shape).get("enum", ()))


def _kind_of_text(shape: Shape) -> str:
    known = _TEXT_FORMATS.get(str(shape.get("format")))
    is_long = shape.get("maxLength", 0) > LONG_TEXT or "\n" in str(shape.get("default", ""))
    return known or ("multiline" if is_long else "text")


def _kind_of_list(shape: Shape) -> str:
    items = _items(shape)
    if "enum" in items:
        return "multiselect"
    return "list" if types_of(items) == ["string"] and not admits_null(items) else "json"


def _items(shape: Shape) -> Shape:
    found = shape.get("items")
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class _Maker:
    """Makes the field of one property that has `value`, and gets `default` when it is left out; both may be ABSENT."""

    name: str
    key: str
    shape: Shape
    value: Any
    default: Any

    def field(self, *, required: bool) -> Field:
        kind, text, state = self.control(kind_of(self.shape))
        states = self.states(kind_of(self.shape) if kind != "json" else kind, state, required=required)
        return Field(
            name=self.name,
            key=self.key,
            label=str(self.shape.get("title") or self.key.replace("_", " ").capitalize()),
            kind=kind,
            required=required and len(states) == 1 and kind != "boolean",
            value=text,
            help=self.help(kind, state, states),
            choices=self.options(kind),
            attributes=_attributes(self.shape, kind),
            state=state or self.usual_state(states),
            states=states if len(states) > 1 else (),
        )

    def control(self, kind: str) -> tuple[str, str, str]:
        """(kind of widget, its text, its state): as JSON where sending that would not give the value back."""
        if kind == "boolean":
            return self.of_truth()
        if self.value is ABSENT:
            return kind, "", NOT_GIVEN if may_be_empty(kind) else ""
        if may_be_empty(kind) and self.value is None:
            return kind, "", NULL
        if kind in (*TEXTS, *LISTS) and same_json(self.value, [] if kind in LISTS else ""):
            return kind, "", EMPTY
        return self.chosen(kind)

    def of_truth(self) -> tuple[str, str, str]:
        """A box where there is nothing but true and false to be told."""
        if isinstance(self.value, bool) and isinstance(self.shape.get("default"), bool) and len(self.choices) == 2:
            return "boolean", json.dumps(self.value), BOX
        return ("select", "", "") if self.value is ABSENT else self.chosen("select")

    def chosen(self, kind: str) -> tuple[str, str, str]:
        text = text_of(self.value, kind, self.choices)
        if text is not None:
            shown, options = widget(kind, text), [option for option, _ in self.options(kind)]
            got = read(sent(text, shown, options), "", kind, self.choices)
            if got is not ABSENT and same_json(got, self.value):
                return shown, text, ""
        return "json", json.dumps(self.value, indent=2, ensure_ascii=False), "" if kind == "json" else AS_JSON

    @property
    def choices(self) -> list[Any]:
        return choices_of(self.shape)

    def options(self, kind: str) -> tuple[tuple[str, str], ...]:
        """Also the value itself, which another version of the schema may have allowed."""
        found = [(coded(one, self.choices), _label(one)) for one in self.choices]
        if kind == "select" and self.value is not ABSENT:
            own = coded(self.value, self.choices)
            found += [(own, _label(self.value))] if own not in [option for option, _ in found] else []
        return tuple(found) if kind in ("select", "multiselect") else ()

    def states(self, kind: str, state: str, *, required: bool) -> tuple[tuple[str, str], ...]:
        """What leaving it empty may mean here, as (value, label)."""
        can_be_empty = kind in (*TEXTS, *LISTS) and not required and self.admits_empty(kind)
        offered = {
            NOT_GIVEN: True,
            EMPTY: state == EMPTY or can_be_empty,
            NULL: state == NULL or (may_be_empty(kind) and admits_null(self.shape)),
        }
        return tuple((name, self.meaning(name, kind)) for name, is_offered in offered.items() if is_offered)

    def admits_empty(self, kind: str) -> bool:
        least = "minItems" if kind in LISTS else "minLength"
        return not self.shape.get(least) and kind in ("text", "multiline", *LISTS)

    def meaning(self, state: str, kind: str) -> str:
        if state == EMPTY:
            return "an empty list" if kind in LISTS else "an empty text"
        if state == NULL:
            return "null"
        return "not given" if self.default is ABSENT else f"the default, {_short(self.default)}"

    def usual_state(self, states: Sequence[tuple[str, str]]) -> str:
        """What emptying a control that shows a value means at first: the nearest to nothing, and no default."""
        names = [name for name, _ in states]
        return next(name for name in (EMPTY, NULL, NOT_GIVEN) if name in names)

    def help(self, kind: str, state: str, states: Sequence[tuple[str, str]]) -> str:
        told = [str(self.shape.get("description") or "")]
        if kind == "list":
            told.append("One value a line; empty lines do not count.")
        if state == AS_JSON:
            told.append("Shown as JSON, because a plain field would change this value.")
        if len(states) == 1 and kind in (*TEXTS, *NUMBERS, *LISTS, "json") and self.default is not ABSENT:
            told.append(f"Left empty, it is {self.meaning(NOT_GIVEN, kind)}.")
        return " ".join(filter(None, told))


def may_be_empty(kind: str) -> bool:
    """Whether an empty control of this kind could mean several things."""
    return kind in (*TEXTS, *NUMBERS, *LISTS)


def _as_typed(field: Field, sent: QueryDict) -> Field:
    text = "\n".join(sent.getlist(field.name))
    state = sent.get(field.state_name, field.state)
    if state == AS_JSON:
        return replace(field, kind="json", value=text, state=state, states=())
    if field.kind == "boolean":
        return replace(field, value="true" if text else "false")
    return replace(field, kind=widget(field.kind, lines_of(text)), value=text, state=state)


def _defaults(schema: Schema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(with_defaults(schema, dict(inputs)))
    except NotApplicable:
        return dict(inputs)


def _texts(data: Mapping[str, str | list[str]], name: str) -> list[str]:
    found = data.get(name, [])
    return found if isinstance(found, list) else [found]


def _attributes(shape: Shape, kind: str) -> dict[str, str]:
    """Only what cannot keep a browser from sending what the schema allows: it counts characters in another way."""
    if kind not in NUMBERS:
        return {}
    whole = (int, float) if kind == "number" else int
    names = {"minimum": "min", "maximum": "max"}
    found = {html: str(shape[name]) for name, html in names.items() if isinstance(shape.get(name), whole)}
    return {**found, "step": "1" if kind == "integer" else "any"}


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value or "(empty text)"
    return json.dumps(value, ensure_ascii=False)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:40]}…" if len(text) > 41 else text
