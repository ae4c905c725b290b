"""Compiling: Google's CEL parses, checks types and refuses unknown names; our program evaluates the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from controlplane.domain.expressions.errors import ExpressionError, WrongType
from controlplane.domain.expressions.program import Builder, Program
from controlplane.domain.expressions.syntax import Identifier, Node, NotAvailable, Select, Tree, read_tree
from controlplane.domain.expressions.values import EvaluationFrame, plain

SOURCE_LIMIT = 4000

_FAULT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_PLAIN = (
    (re.compile(r"undeclared reference to '([\w.@]+)'.*"), r"\1 is not known here"),
    (re.compile(r"Exceeded max recursion depth.*|.*recursion limit.*"), "The expression is nested too deeply"),
    (re.compile(r".*(?:input|alternative at) '<EOF>'.*"), "The expression ends too early"),
    (re.compile(r"Syntax error: (?:mismatched|extraneous) input (.+?) expecting .*"), r"Unexpected \1"),
    (re.compile(r"Syntax error: no viable alternative at input (.+)"), r"Unexpected \1"),
    (re.compile(r"Syntax error: "), ""),
    (re.compile(r"found no matching overload for '_?(.+?)_?' applied to '(.+)'"), r"\1 cannot be used on \2"),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; immutable, so threads may share it."""

    source: str
    tree: Tree
    program: Program
    is_path: bool

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """The JSON value for `context` (name -> JSON value), which is not copied: do not change the result.

        Raises `ExpressionError` for a missing key, a wrong type or an exhausted budget.
        """
        frame = EvaluationFrame(context)  # type: ignore[arg-type]
        try:
            found = self.program(frame)
            return found if self.is_path else plain(found, frame)
        except WrongType as wrong:
            raise ExpressionError(str(wrong), self.source)
        except RecursionError:
            raise ExpressionError("The data is nested too deeply.", self.source)


@lru_cache(maxsize=4096)
def compile(source: str, names: frozenset[str]) -> Expression:
    """Compile `source`, in which only `names` may appear. Cached; raises `ExpressionError`."""
    tree = _checked(source, names)
    program = Builder(source, tree, names).build(tree.root)
    return Expression(source, tree, program, _is_path(tree.root))


@lru_cache(maxsize=4096)
def parse(source: str) -> Tree:
    """The syntax tree of `source`, whatever names it uses. Raises `ExpressionError` when it is not CEL."""
    _measure(source)
    return _tree(source, frozenset(), disable_check=True)


def _checked(source: str, names: frozenset[str]) -> Tree:
    _measure(source)
    return _tree(source, names, disable_check=False)


def _measure(source: str) -> None:
    if not source.strip():
        raise ExpressionError("The expression is empty.", source, 0)
    if len(source) > SOURCE_LIMIT:
        raise ExpressionError(f"The expression is longer than {SOURCE_LIMIT:,} characters.", source, SOURCE_LIMIT)


def _tree(source: str, names: frozenset[str], *, disable_check: bool) -> Tree:
    from controlplane.domain.expressions.google import serialized

    try:
        return read_tree(serialized(source, names, disable_check=disable_check))
    except TypeError:
        raise ExpressionError("The expression holds characters that are not valid Unicode.", source)
    except NotAvailable as error:
        raise ExpressionError(str(error), source)
    except RuntimeError as error:
        raise _explained(str(error), source)


def _explained(report: str, source: str) -> ExpressionError:
    """The first fault of CEL's report in plain words, with its offset."""
    fault = _FAULT.search(report)
    message = fault[3] if fault else report.partition(": ")[2] or report
    message = message.replace(" [INVALID_ARGUMENT]", "")
    for pattern, words in _PLAIN:
        message = pattern.sub(words, message)
    position = _offset(source, int(fault[1]), int(fault[2])) if fault else None
    if fault and fault[3].startswith("Syntax error") and position is not None and not source[position:].strip():
        message = "The expression ends too early"
    return ExpressionError(f"{message}.", source, position)


def _offset(source: str, line: int, column: int) -> int | None:
    if line < 1:
        return None
    before = source.split("\n")[: line - 1]
    return min(len(source), sum(len(one) + 1 for one in before) + max(0, column - 1))


def _is_path(node: Node) -> bool:
    """A mere path gives back a part of the context, which is JSON already."""
    while isinstance(node, Select) and not node.test:
        node = node.operand
    return isinstance(node, Identifier)
