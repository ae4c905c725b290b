"""Reading a specification typed as JSON or YAML, with the line of every value kept for error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import join_path

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 40
# Values at longer paths are known by the line of what is around them: one long key above many would be kept with each.
LONGEST_PATH = 500

Path = tuple[str | int, ...]


class Document(dict[str, Any]):
    """A specification as plain JSON values; `lines` maps a path such as `steps[2].with.sql` to its line, from 1."""

    lines: dict[str, int]

    def __init__(self, values: dict[str, Any], lines: dict[str, int]) -> None:
        super().__init__(values)
        self.lines = lines


def format_of(text: str) -> str:
    """`json` when the text begins as a JSON object or list does, else `yaml`."""
    return "json" if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "yaml"


def parse(text: str) -> Document:
    """The document `text` holds, in JSON or in YAML without anchors, aliases and tags.

    Raises InvalidInput naming line and column; at most 1 MiB.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        _refuse("The specification is larger than 1 MiB.", "too_large")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        _refuse("The specification is empty.", "empty")
    value, lines = _read_json(text) if format_of(text) == "json" else _Reader(text).read()
    if not isinstance(value, dict):
        _refuse("A specification is an object with steps.", "type", 1)
    return Document(value, lines)


def _read_json(text: str) -> tuple[Any, dict[str, int]]:
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if (found := _flow_yaml(text)) is not None:
            return found
        _refuse(f"{error.msg}.", "syntax", error.lineno, error.colno)
    except RecursionError:
        _refuse(f"The specification is nested more than {DEPTH_LIMIT} levels deep.", "too_deep")
    except _Duplicate as error:
        _refuse_duplicate(text, error.key)
    except ValueError as error:
        _refuse("A number has too many digits." if "digits" in str(error) else f"{error}.", "syntax")
    return value, _lines_of(text)


def _flow_yaml(text: str) -> tuple[Any, dict[str, int]] | None:
    """YAML may begin with a brace too, for instance with unquoted keys. None when it is not that either."""
    if re.search(r'^\s*[{\[]\s*["}\]]', text):
        return None
    try:
        return _Reader(text).read()
    except InvalidInput:
        return None


def _lines_of(text: str) -> dict[str, int]:
    """JSON is YAML nearly always; where it is not, messages come without lines."""
    try:
        return _Reader(text).read()[1]
    except InvalidInput:
        return {}


class _Duplicate(ValueError):
    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _Duplicate(key)
        made[key] = value
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_duplicate(text: str, key: str) -> NoReturn:
    _Reader(text).read()
    _refuse(f"The key {key!r} appears twice in one object.", "duplicate")


def _refuse(message: str, code: str, line: int | None = None, column: int | None = None, field: str = "") -> NoReturn:
    place = f"Line {line}, column {column}: " if line and column else ""
    raise InvalidInput(f"{place}{message}", errors=[FieldError(field, f"{place}{message}", code, line)])


class _Reader:
    """Builds values from YAML's events, so that aliases and tags are refused before they can grow anything."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[str, int] = {}

    def read(self) -> tuple[Any, dict[str, int]]:
        try:
            events = self._events()
            value = self._value(next(events), events, ())
            self._refuse_more(events)
        except yaml.MarkedYAMLError as error:
            self._refuse_syntax(error)
        except (yaml.YAMLError, UnicodeError) as error:
            _refuse(f"This is not YAML: {str(error).splitlines()[0]}.", "syntax")
        except StopIteration:
            _refuse("The specification is empty.", "empty")
        return value, self.lines

    def _events(self) -> Iterator[Any]:
        for event in yaml.parse(self.text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent | yaml.DocumentEndEvent):
                continue
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                self._refuse(event, "Anchors and aliases (& and *) are not available.", "alias")
            if isinstance(event, yaml.StreamEndEvent):
                return
            yield event

    def _refuse_more(self, events: Iterator[Any]) -> None:
        for event in events:
            self._refuse(event, "Only one document is allowed (---).", "syntax")

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        if len(path) > DEPTH_LIMIT:
            self._refuse(event, f"The specification is nested more than {DEPTH_LIMIT} levels deep.", "too_deep")
        self._note(path, event)
        if event.tag and event.tag != "!":
            self._refuse(event, f"Tags such as {event.tag} are not available.", "tag")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return scalar(event.value) if event.implicit[0] and not event.style else event.value

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "A key must be text.", "syntax")
            key = event.value
            if key in made:
                where = join_path((*path, key))
                self._refuse(event, f"The key {key!r} appears twice in one object.", "duplicate", where)
            if key == "<<" and not event.style:
                self._refuse(event, "Merge keys (<<) are not available.", "alias")
            self._note((*path, key), event)
            made[key] = self._value(next(events), events, (*path, key))
        return made

    def _note(self, path: Path, event: Any) -> None:
        """A value that begins below its key is found at the key."""
        if sum(len(str(part)) for part in path) <= LONGEST_PATH:
            self.lines.setdefault(join_path(path), event.start_mark.line + 1)

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        made: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            made.append(self._value(event, events, (*path, len(made))))
        return made

    def _refuse(self, event: Any, message: str, code: str, field: str = "") -> NoReturn:
        mark = event.start_mark
        _refuse(message, code, mark.line + 1, mark.column + 1, field)

    def _refuse_syntax(self, error: yaml.MarkedYAMLError) -> NoReturn:
        message = f"{(error.problem or 'This is not YAML').capitalize()}."
        for mark in (error.problem_mark, error.context_mark):
            if mark is not None:
                _refuse(message, "syntax", mark.line + 1, mark.column + 1)
        _refuse(message, "syntax")


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.?[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def scalar(text: str) -> Any:
    """What an unquoted YAML word means, by YAML 1.2: `yes`, `on`, `012` and dates stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 40:
        return int(text)
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"[-+]?0[0-9]+", text) and len(text) < 40:
        return float(text)
    return text
