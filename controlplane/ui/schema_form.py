"""A form from a JSON Schema: which widgets its properties ask for, and what was typed turned back into values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import Schema, resolve

LONG_TEXT = 200
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
_PLAIN_KINDS = {"integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True)
class Field:
    """One widget. `name` is its name in the form and in errors (`inputs.days`), `key` that of the property.

    `kind` is text, multiline, integer, number, boolean, select, date, datetime, email, url, list (one string a line),
    multiselect or json; `value` is the text to show at first (for list and multiselect too, lines); `choices` are
    (value, label) pairs; `attributes` are HTML attributes such as min, max and maxlength.
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

    @property
    def values(self) -> list[str]:
        """The chosen values of a multiselect, the lines of a list."""
        return self.value.splitlines()


def form_fields(schema: Schema, inputs: Mapping[str, Any] | None = None, *, prefix: str = PREFIX) -> list[Field]:
    """A widget for each property in the schema's order; `inputs`, earlier ones, go before the defaults."""
    required = schema.get("required") or ()
    fields = []
    for key, part in _properties(schema).items():
        shown = inputs[key] if inputs and key in inputs else part.get("default")
        fields.append(_field(f"{prefix}.{key}", key, part, shown, required=key in required))
    return fields


def shown_again(fields: Iterable[Field], sent: QueryDict, errors: Iterable[FieldError]) -> list[tuple[Field, str]]:
    """(each field, what is wrong with it); as it was typed, once something was sent."""
    found = list(errors)
    typed = [replace(one, value="\n".join(sent.getlist(one.name))) if sent else one for one in fields]
    return [(one, " ".join(error.message for error in found if belongs(error, one.name))) for one in typed]


def belongs(error: FieldError, name: str) -> bool:
    """Whether it lies in the field `name` or somewhere within its value."""
    return error.field == name or error.field.startswith((f"{name}.", f"{name}["))


def inputs_from_form(schema: Schema, data: Mapping[str, str | list[str]], *, prefix: str = PREFIX) -> dict[str, Any]:
    """The inputs that the form fields in `data` (name -> text or texts) mean, still to be held against the schema.

    Fields left empty are left out, so that their defaults apply; a box not ticked is false. Raises InvalidInput for
    text that is not JSON where JSON is asked for.
    """
    inputs: dict[str, Any] = {}
    errors: list[FieldError] = []
    for key, part in _properties(schema).items():
        kind = kind_of(part)
        typed = data.get(f"{prefix}.{key}", [])
        texts = typed if isinstance(typed, list) else [typed]
        try:
            inputs |= _typed(key, kind, part, texts)
        except ValueError as error:
            errors.append(FieldError(f"{prefix}.{key}", f"This is not JSON: {error}.", "syntax"))
    if errors:
        raise InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)
    return inputs


def kind_of(schema: Schema) -> str:
    """The kind of widget for one property."""
    if isinstance(schema.get("enum"), list):
        return "select"
    kind = _type_of(schema)
    if kind == "string":
        return _kind_of_text(schema)
    items = schema.get("items")
    if kind == "array" and isinstance(items, Mapping) and _type_of(items) == "string":
        return "multiselect" if items.get("enum") else "list"
    return _PLAIN_KINDS.get(kind, "json")


def _kind_of_text(schema: Schema) -> str:
    known = _TEXT_FORMATS.get(str(schema.get("format")))
    is_long = schema.get("maxLength", 0) > LONG_TEXT or "\n" in str(schema.get("default", ""))
    return known or ("multiline" if is_long else "text")


def _type_of(schema: Schema) -> str:
    kind = schema.get("type", "")
    kinds = [one for one in kind if one != "null"] if isinstance(kind, list) else [kind]
    return str(kinds[0]) if len(kinds) == 1 else ""


def _properties(schema: Schema) -> dict[str, Schema]:
    properties = schema.get("properties") or {}
    found = {}
    for key, part in properties.items():
        part = part if isinstance(part, Mapping) else {}
        target = resolve(schema, part["$ref"]) if "$ref" in part else None
        found[key] = {**target, **part} if isinstance(target, Mapping) else part
    return found


def _field(name: str, key: str, schema: Schema, shown: Any, *, required: bool) -> Field:
    kind = kind_of(schema)
    options = schema.get("items", {}).get("enum") if kind == "multiselect" else schema.get("enum")
    return Field(
        name=name,
        key=key,
        label=str(schema.get("title") or key.replace("_", " ").capitalize()),
        kind=kind,
        required=required and "default" not in schema and kind != "boolean",
        value=_shown(shown, kind),
        help=str(schema.get("description") or ""),
        choices=tuple((_text(one), _text(one)) for one in options or ()),
        attributes=_attributes(schema, kind),
    )


def _attributes(schema: Schema, kind: str) -> dict[str, str]:
    names = {"minimum": "min", "maximum": "max", "minLength": "minlength", "maxLength": "maxlength"}
    if kind in ("text", "email", "url"):
        names["pattern"] = "pattern"
    found = {html: str(schema[name]) for name, html in names.items() if name in schema}
    if kind in ("integer", "number"):
        found["step"] = "1" if kind == "integer" else "any"
    return found


def _shown(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind in ("list", "multiselect") and isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _typed(key: str, kind: str, schema: Schema, texts: list[str]) -> dict[str, Any]:
    """{key: value}, or nothing for a field left empty. What cannot be read stays text, for the schema to refuse."""
    last = texts[-1] if texts else ""
    if kind == "boolean":
        return {key: last not in ("", "false", "off", "0")}
    if kind in ("list", "multiselect"):
        lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        return {key: lines} if lines else {}
    if not last.strip():
        return {}
    return {key: _READERS.get(kind, _as_text)(last, schema)}


def _as_text(text: str, schema: Schema) -> str:
    return text.replace("\r\n", "\n")


def _as_number(text: str, schema: Schema) -> Any:
    for read in (int, float):
        try:
            return read(text.strip()) if len(text) < 400 else text
        except ValueError:
            continue
    return text


def _as_choice(text: str, schema: Schema) -> Any:
    return next((one for one in schema["enum"] if _text(one) == text), text)


def _as_json(text: str, schema: Schema) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}")
    except (RecursionError, ValueError):
        raise ValueError("it is nested too deeply or holds too large a number")


_READERS = {"integer": _as_number, "number": _as_number, "select": _as_choice, "json": _as_json}
