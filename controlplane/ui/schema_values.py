"""One value of a form made from a schema: as the text of a control, and back, as a browser passes it on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from controlplane.domain.schemas.validator import is_date, same_json

# What a form says beside a control: what it means when it is empty, that its text is JSON, that it is a box to tick.
NOT_GIVEN, EMPTY, NULL, AS_JSON, BOX = "absent", "empty", "null", "json", "box"
ABSENT = object()
TEXTS = ("text", "multiline", "email", "url", "date", "datetime")
NUMBERS = ("integer", "number")
LISTS = ("list", "multiselect")
_CODED = "json:"
# A browser empties a number field for more than it can count.
_COUNTABLE = re.compile(r"-?\d{1,15}(\.\d{1,15})?(e[+-]?\d{1,2})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+([eE][+-]?\d+)?", re.ASCII)
_TRUE, _FALSE = ("true", "on", "1"), ("false", "off", "0")


def text_of(value: Any, kind: str, choices: Sequence[Any]) -> str | None:
    """What a control of this kind shows for `value`; None when it has no text for it."""
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    if kind == "select":
        return coded(value, choices)
    if kind in TEXTS:
        return value if isinstance(value, str) else None
    if kind in LISTS and isinstance(value, list):
        return "\n".join(coded(one, choices) if kind == "multiselect" else str(one) for one in value)
    if kind == "boolean":
        return json.dumps(value) if isinstance(value, bool) else None
    return json.dumps(value) if kind in NUMBERS and isinstance(value, int | float) else None


def read(texts: Sequence[str], state: str, kind: str, choices: Sequence[Any]) -> Any:
    """The value that was sent, or ABSENT. What cannot be read stays text, for the schema to refuse.

    Raises ValueError for text that is not JSON where JSON is asked for.
    """
    texts = [lines_of(text) for text in texts]
    last = texts[-1] if texts else ""
    if kind == "json" or state == AS_JSON:
        return read_json(last) if last.strip() else ABSENT
    if kind == "boolean" and (state == BOX or last in (*_TRUE, *_FALSE)):
        return last in _TRUE
    if kind in ("boolean", "select"):
        return decoded(last, choices) if last else ABSENT
    if kind in LISTS:
        lines = [line for text in texts for line in text.split("\n") if line]
        return ([decoded(line, choices) for line in lines] if kind == "multiselect" else lines) or _empty(state, [])
    if kind in NUMBERS:
        return _number(last.strip()) if last.strip() else _empty(state, ABSENT)
    return last or _empty(state, "")


def _empty(state: str, value: Any) -> Any:
    return {EMPTY: value, NULL: None}.get(state, ABSENT)


def lines_of(text: str) -> str:
    """A browser sends each line end as CR LF and keeps none of them apart."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def coded(value: Any, choices: Sequence[Any]) -> str:
    """The text of an option: as people write it, with `json:` before it where that could mean another one."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    twins = sum(1 for one in choices if not same_json(one, value) and text == one)
    listed = any(same_json(one, value) for one in choices)
    plain = bool(text) and text.isprintable() and not text.startswith(_CODED)
    return text if plain and listed and not twins else _CODED + json.dumps(value)


def decoded(text: str, choices: Sequence[Any]) -> Any:
    if text.startswith(_CODED):
        try:
            return read_json(text.removeprefix(_CODED))
        except ValueError:
            return text
    return next((one for one in choices if coded(one, choices) == text), text)


def widget(kind: str, text: str) -> str:
    """The kind of control that keeps this text as it is, where one of `kind` would not."""
    if "\n" in text and kind in (*TEXTS, *NUMBERS):
        return "multiline"
    dropped = (kind == "date" and not _is_day(text)) or (kind in NUMBERS and not _COUNTABLE.fullmatch(text))
    return "text" if text and dropped else kind


def sent(text: str, kind: str, options: Sequence[str]) -> list[str]:
    """The texts that a browser sends for a control that shows `text`."""
    if kind == "multiselect":
        chosen = text.split("\n")
        return [one for one in options if one in chosen]
    return [lines_of(text)]


def _is_day(text: str) -> bool:
    try:
        return is_date(text)
    except ValueError:
        return False


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text) or len(text) > 4000:
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def read_json(text: str) -> Any:
    """Raises ValueError with what is wrong and where."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (RecursionError, ValueError):
        raise ValueError("it is nested too deeply or holds too large a number") from None
