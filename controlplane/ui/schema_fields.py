"""One field of a form made from a JSON Schema: its widget, what it shows, and what it means when it is empty."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.domain.schemas.shape import Shape, admits_null, types_of
from controlplane.domain.schemas.validator import same_json
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
_TEXT_FORMATS = {
    "date": "date",
    "date-time": "datetime",
    "email": "email",
    "uri": "url",
    "multiline": "multiline",
    "textarea": "multiline",
}


@dataclass(frozen=True)
class Field:
    """One widget. `name` is its name in the form and in errors (`inputs.days`), `key` that of the property.

    `kind` is text, multiline, integer, number, boolean, select, date, datetime, email, url, list (one string a line),
    multiselect or json; `value` is the text to show at first (for list and multiselect too, lines); `choices` are
    (value, label) pairs; `attributes` are HTML attributes such as min and max. `state` goes with it under the name
    `state_name`: what it means when it is empty, one of the (value, label) pairs in `states` if these are several.
    `maker` makes it again of what was typed.
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
    maker: Maker | None = None

    @property
    def state_name(self) -> str:
        return state_name(self.name)

    @property
    def values(self) -> list[str]:
        """The chosen values of a multiselect, the lines of a list."""
        return self.value.split("\n") if self.value else []

    @property
    def has_blank(self) -> bool:
        """Whether a select offers no choice as well. Even the only one is made by a person: it may be "delete"."""
        return not self.required or not self.value

    @property
    def area(self) -> str:
        """The content of a `<textarea>`, whose first line end HTML leaves out."""
        return f"\n{self.value}" if self.value.startswith(("\n", "\r")) else self.value


@dataclass(frozen=True)
class Maker:
    """Makes the field of one property. `default` is what it gets when it is left out; ABSENT when that is nothing."""

    name: str
    key: str
    shape: Shape
    default: Any
    required: bool

    def with_value(self, value: Any) -> Field:
        """With `value`, or ABSENT; as JSON where sending the field untouched would not give the value back."""
        if value is ABSENT:
            return self.made(self.widget_of(""), "", "")
        if may_be_empty(self.kind) and value is None:
            return self.made(self.kind, "", NULL)
        if self.kind in (*TEXTS, *LISTS) and same_json(value, [] if self.kind in LISTS else ""):
            return self.made(self.kind, "", EMPTY)
        if isinstance(value, bool) and self.is_box:
            return self.made("boolean", json.dumps(value), BOX)
        return self.if_unchanged(value) or self.made("json", text_of(value, "json", ()) or "", self.state_as_json)

    def if_unchanged(self, value: Any) -> Field | None:
        kind = "select" if self.kind == "boolean" else self.kind
        text = text_of(value, kind, self.choices)
        if text is None:
            return None
        field = self.made(self.widget_of(text), text, "")
        got = read(sent(text, field.kind, [one for one, _ in field.choices]), "", self.kind, self.choices)
        return field if got is not ABSENT and same_json(got, value) else None

    def typed(self, texts: Sequence[str], state: str) -> Field:
        text = "\n".join(texts)
        if state == AS_JSON:
            return self.made("json", text, state)
        if state == BOX:
            return self.made("boolean", "true" if text else "false", state)
        return self.made(self.widget_of(lines_of(text)), text, state)

    def made(self, kind: str, text: str, state: str) -> Field:
        states = self.states(state) if may_be_empty(kind) else ()
        needed = self.required and len(states) < 2 and kind != "boolean"
        return Field(
            name=self.name,
            key=self.key,
            label=str(self.shape.get("title") or self.key.replace("_", " ").capitalize()),
            kind=kind,
            required=needed,
            value=text,
            help=self.help(kind, state, states),
            choices=self.options(kind, text),
            attributes=_attributes(self.shape, kind),
            state=state or self.usual_state(text, states),
            states=states if len(states) > 1 else (),
            maker=self,
        )

    @property
    def kind(self) -> str:
        return kind_of(self.shape)

    @property
    def choices(self) -> list[Any]:
        return choices_of(self.shape)

    @property
    def is_box(self) -> bool:
        """Whether there is nothing but true and false to be told."""
        return self.kind == "boolean" and isinstance(self.shape.get("default"), bool) and len(self.choices) == 2

    @property
    def state_as_json(self) -> str:
        return "" if self.kind == "json" else AS_JSON

    def widget_of(self, text: str) -> str:
        return "select" if self.kind == "boolean" else widget(self.kind, text)

    def options(self, kind: str, text: str) -> tuple[tuple[str, str], ...]:
        """Also what is chosen, which another version of the schema may have allowed."""
        found = [(coded(one, self.choices), _label(one)) for one in self.choices]
        if kind == "select" and text and text not in [option for option, _ in found]:
            found.append((text, text))
        return tuple(found) if kind in ("select", "multiselect") else ()

    def states(self, state: str) -> tuple[tuple[str, str], ...]:
        """What leaving it empty may mean, as (value, label)."""
        offered = {
            NOT_GIVEN: True,
            EMPTY: state == EMPTY or (self.admits_empty and not self.required),
            NULL: state == NULL or admits_null(self.shape),
        }
        return tuple((name, self.meaning(name)) for name, is_offered in offered.items() if is_offered)

    @property
    def admits_empty(self) -> bool:
        least = "minItems" if self.kind in LISTS else "minLength"
        return not self.shape.get(least) and self.kind in ("text", "multiline", *LISTS)

    def meaning(self, state: str) -> str:
        if state == EMPTY:
            return "an empty list" if self.kind in LISTS else "an empty text"
        if state == NULL:
            return "null"
        return "not given" if self.default is ABSENT else f"the default, {_short(self.default)}"

    def usual_state(self, text: str, states: Sequence[tuple[str, str]]) -> str:
        """Emptying what shows a value means at first what is nearest to nothing, and no default."""
        names = [name for name, _ in states]
        order = (EMPTY, NULL, NOT_GIVEN) if text else (NOT_GIVEN,)
        return next((name for name in order if name in names), "")

    def help(self, kind: str, state: str, states: Sequence[tuple[str, str]]) -> str:
        told = [str(self.shape.get("description") or "")]
        if kind == "list":
            told.append("One value a line; empty lines do not count.")
        if state == AS_JSON:
            told.append("Shown as JSON, because a plain field would change this value.")
        if len(states) < 2 and kind not in ("select", "boolean") and self.default is not ABSENT:
            told.append(f"Left empty, it is {self.meaning(NOT_GIVEN)}.")
        return " ".join(filter(None, told))


def may_be_empty(kind: str) -> bool:
    """Whether an empty control of this kind could mean several things."""
    return kind in (*TEXTS, *NUMBERS, *LISTS)


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
