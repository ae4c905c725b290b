"""Templates: JSON values whose strings hold `${{ expression }}`.

Alone in its string an expression keeps the type of its value; inside other text it is rendered: strings as they
are, anything else as compact JSON. `$${{` stands for a literal `${{`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from controlplane.domain.expressions.compiler import compile
from controlplane.domain.expressions.errors import ExpressionError, LimitReached
from controlplane.domain.expressions.names import Names, names_used, union
from controlplane.domain.expressions.values import SIZE_LIMIT, name_of

OPEN, CLOSE, ESCAPED = "${{", "}}", "$${{"


@dataclass(frozen=True, slots=True)
class Slot:
    """One `${{ source }}`; `offset` is where `source` begins in the whole text."""

    source: str
    offset: int


def render(value: Any, context: Mapping[str, Any]) -> Any:
    """`value` with every template replaced. Context values are passed by reference: do not change the result.

    Raises `ExpressionError`, whose context names the `field` at fault, such as `items[2].to`.
    """
    return _render(value, context, frozenset(context), "")


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """The value of a bare expression, or of one wrapped in `${{ }}`."""
    return compile(bare(source), frozenset(context)).evaluate(context)


def condition(source: str, context: Mapping[str, Any]) -> bool:
    """The answer of a condition (`when`), which must be true or false."""
    answer = evaluate(source, context)
    if answer is True or answer is False:
        return answer
    raise ExpressionError(f"The condition must give true or false, and gave {name_of(answer)}.", source)


def bare(source: str) -> str:
    """The expression inside `${{ }}`, or the text itself when it is not wrapped."""
    if OPEN not in source:
        return source
    parts = parts_of(source.strip())
    if len(parts) == 1 and isinstance(parts[0], Slot):
        return parts[0].source
    raise ExpressionError("A condition is one expression, without text around ${{ }}.", source, 0)


@lru_cache(maxsize=4096)
def parts_of(text: str) -> tuple[str | Slot, ...]:
    """`text` cut into literal strings and slots. Raises `ExpressionError` for a `${{` never closed."""
    parts: list[str | Slot] = []
    literal, at = "", 0
    while (start := text.find(OPEN, at)) >= 0:
        if text.startswith(ESCAPED, start - 1) and start > at:
            literal += text[at : start - 1] + OPEN
            at = start + len(OPEN)
            continue
        end = _closing(text, start)
        if literal + text[at:start]:
            parts.append(literal + text[at:start])
        inside = text[start + len(OPEN) : end]
        parts.append(Slot(inside.strip(), start + len(OPEN) + len(inside) - len(inside.lstrip())))
        literal, at = "", end + len(CLOSE)
    if literal + text[at:] or not parts:
        parts.append(literal + text[at:])
    return tuple(parts)


def slots_in(value: Any, path: str = "") -> Iterator[tuple[str, Slot]]:
    """Every slot in a JSON value, with the path of the string that holds it."""
    if isinstance(value, str):
        if OPEN in value:
            yield from ((path, part) for part in parts_of(value) if isinstance(part, Slot))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from slots_in(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from slots_in(one, f"{path}[{index}]")


def names_in(value: Any) -> Names:
    """The names all templates in a JSON value read. Raises `ExpressionError` when one does not parse."""
    return union(names_used(slot.source) for _, slot in slots_in(value))


def has_template(value: Any) -> bool:
    """Whether anything in a JSON value is computed when the run gets there."""
    if isinstance(value, str):
        return OPEN in value and any(isinstance(part, Slot) for part in parts_of(value))
    if isinstance(value, Mapping):
        return any(has_template(one) for one in value.values())
    return isinstance(value, list | tuple) and any(has_template(one) for one in value)


def _render(value: Any, context: Mapping[str, Any], names: frozenset[str], path: str) -> Any:
    if isinstance(value, str):
        return _render_text(value, context, names, path) if OPEN in value else value
    if isinstance(value, Mapping):
        return {key: _render(one, context, names, f"{path}.{key}" if path else key) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_render(one, context, names, f"{path}[{index}]") for index, one in enumerate(value)]
    return value


def _render_text(text: str, context: Mapping[str, Any], names: frozenset[str], path: str) -> Any:
    try:
        parts = parts_of(text)
        found = [part if isinstance(part, str) else compile(part.source, names).evaluate(context) for part in parts]
    except ExpressionError as error:
        error.context["field"] = path
        raise
    if len(parts) == 1:
        return found[0]
    return _joined(text, [one if isinstance(one, str) else _as_json(one) for one in found])


def _joined(text: str, pieces: list[str]) -> str:
    if sum(map(len, pieces)) > SIZE_LIMIT:
        raise LimitReached(f"The text becomes longer than {SIZE_LIMIT:,} characters.", text)
    return "".join(pieces)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _closing(text: str, start: int) -> int:
    """Where the `}}` ending the slot begun at `start` stands, past the expression's own braces and strings."""
    depth, at = 0, start + len(OPEN)
    while at < len(text):
        if text[at] in "'\"":
            at = _after_string(text, at)
            continue
        if depth == 0 and text.startswith(CLOSE, at):
            return at
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    raise ExpressionError("A ${{ is never closed with }}.", text, start)


def _after_string(text: str, at: int) -> int:
    raw = at > 0 and text[at - 1] in "rR"
    quote = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    at += len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and not raw else 1
    return at + len(quote)
