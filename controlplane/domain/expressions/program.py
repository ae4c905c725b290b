"""Turning a syntax tree into a chain of closures that evaluate it within a budget.

Google's evaluator is not used: for `map` over 9,000 items it copies the list at every turn, holds the interpreter
lock for five seconds and takes 1.6 GB, and none of its limits can be set. This one is linear and stops in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from controlplane.domain.expressions.errors import ExpressionError, LimitReached, WrongType
from controlplane.domain.expressions.functions import FUNCTIONS
from controlplane.domain.expressions.operators import known_keys, optional_index
from controlplane.domain.expressions.syntax import (
    Constant,
    Fold,
    FunctionCall,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    Tree,
)
from controlplane.domain.expressions.values import EvaluationFrame, Optional, name_of

Program = Callable[[EvaluationFrame], Any]


class Builder:
    """Builds the program of one expression; `source` is for its error messages."""

    def __init__(self, source: str, tree: Tree, names: frozenset[str]) -> None:
        self.source = source
        self.positions = tree.positions
        self.names = names

    def error(self, node: Node, message: str) -> ExpressionError:
        return ExpressionError(message, self.source, self.positions.get(node.id))

    def build(self, node: Node) -> Program:
        return getattr(self, f"_build_{type(node).__name__.lower()}")(node)

    def _build_constant(self, node: Constant) -> Program:
        if isinstance(node.value, bytes):
            raise self.error(node, "Bytes are not available: JSON has none. Use a string.")
        value = node.value
        return lambda frame: value

    def _build_identifier(self, node: Identifier) -> Program:
        name = node.name

        def look_up(frame: EvaluationFrame) -> Any:
            try:
                return frame.scope[name]
            except KeyError:
                raise self.error(node, f"{name} is not known here.")

        return look_up

    def _build_select(self, node: Select) -> Program:
        operand, field = self.build(node.operand), node.field
        if node.test:
            return lambda frame: self._has(node, operand(frame))

        def select(frame: EvaluationFrame) -> Any:
            holder = operand(frame)
            try:
                return holder[field]
            except (KeyError, TypeError, IndexError):
                return self._unusual(node, holder, frame)

        return select

    def _has(self, node: Select, holder: Any) -> bool:
        if isinstance(holder, Optional):
            return holder.present and self._has(node, holder.value)
        if isinstance(holder, Mapping):
            return node.field in holder
        raise self.error(node, f"{path_of(node.operand)} is {name_of(holder)}, so it has no '{node.field}'.")

    def _unusual(self, node: Select, holder: Any, frame: EvaluationFrame) -> Any:
        if isinstance(holder, Optional):
            return optional_index(frame, holder, node.field)
        if isinstance(holder, Mapping):
            raise self.error(node, f"{path_of(node)} does not exist{known_keys(holder)}.")
        raise self.error(node, f"{path_of(node)} does not exist: {path_of(node.operand)} is {name_of(holder)}.")

    def _build_functioncall(self, node: FunctionCall) -> Program:
        special = {"_&&_": self._both, "_||_": self._either, "_?_:_": self._choice}.get(node.function)
        if special:
            return special(node)
        if node.function == "@not_strictly_false":
            return self.build(node.args[0])
        function = FUNCTIONS.get(node.function)
        if function is None:
            raise self.error(node, f"{node.function.strip('_@')} is not available here.")
        return self._strict(node, function, [self.build(arg) for arg in node.args])

    def _strict(self, node: FunctionCall, function: Callable[..., Any], args: list[Program]) -> Program:
        def call(frame: EvaluationFrame) -> Any:
            try:
                return function(frame, *[arg(frame) for arg in args])
            except WrongType as wrong:
                raise self.error(node, f"{wrong}{self._where(node)}")

        return call

    def _where(self, node: FunctionCall) -> str:
        """For a failing index, say which value was indexed."""
        return f" In {path_of(node.args[0])}." if node.function == "_[_]" else ""

    def _both(self, node: FunctionCall) -> Program:
        return self._logic(node, decisive=False)

    def _either(self, node: FunctionCall) -> Program:
        return self._logic(node, decisive=True)

    def _logic(self, node: FunctionCall, *, decisive: bool) -> Program:
        """CEL's rule: the side that decides wins, even when the other one fails."""
        left, right = (self._truth(arg, self.build(arg)) for arg in node.args)

        def decide(frame: EvaluationFrame) -> bool:
            try:
                if left(frame) is decisive:
                    return decisive
            except LimitReached:
                raise
            except ExpressionError:
                if right(frame) is decisive:
                    return decisive
                raise
            return right(frame)

        return decide

    def _truth(self, node: Node, value: Program) -> Program:
        def truth(frame: EvaluationFrame) -> bool:
            found = value(frame)
            if found is True or found is False:
                return found
            raise self.error(node, f"{path_of(node)} must be true or false here, and is {name_of(found)}.")

        return truth

    def _choice(self, node: FunctionCall) -> Program:
        condition = self._truth(node.args[0], self.build(node.args[0]))
        yes, no = self.build(node.args[1]), self.build(node.args[2])
        return lambda frame: yes(frame) if condition(frame) else no(frame)

    def _build_listliteral(self, node: ListLiteral) -> Program:
        elements = [(self.build(one), at in node.optional) for at, one in enumerate(node.elements)]

        def make(frame: EvaluationFrame) -> list[Any]:
            found = [(element(frame), optional) for element, optional in elements]
            frame.allot(len(found))
            return [one.value if optional else one for one, optional in found if not optional or one.present]

        return make

    def _build_mapliteral(self, node: MapLiteral) -> Program:
        entries = [(self.build(key), self.build(value), maybe) for key, value, maybe in node.entries]

        def make(frame: EvaluationFrame) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            frame.allot(len(entries))
            for key, value, maybe in entries:
                name, found = key(frame), value(frame)
                if not isinstance(name, str | int):
                    raise self.error(node, f"A key must be a string, not {name_of(name)}.")
                if not maybe:
                    made[name] = found
                elif found.present:
                    made[name] = found.value
            return made

        return make

    def _build_fold(self, node: Fold) -> Program:
        loop = Loop(self, node)
        over, start, result = self.build(node.over), self.build(node.start), self.build(node.result)

        def fold(frame: EvaluationFrame) -> Any:
            items = over(frame)
            if not isinstance(items, list | dict):
                message = f"{path_of(node.over)} is {name_of(items)}, so it cannot be looped over."
                raise self.error(node, message)
            scope = frame.scope
            frame.scope = {**scope, node.result_name: start(frame)}
            try:
                loop.run(frame, items)
                return result(frame)
            finally:
                frame.scope = scope

        return fold


class Loop:
    """The turns of one macro. It appends to its result in place, so that `map` and `filter` are linear."""

    def __init__(self, builder: Builder, node: Fold) -> None:
        self.variable, self.result_name = node.variable, node.result_name
        self.cost = 1 + weight(node.step)
        self.proceed = None if _is_true(node.proceed) else builder.build(node.proceed)
        condition, addition = _appending(node)
        self.appends = addition is not None
        self.keep = builder.build(condition) if condition else None
        if condition and self.keep:
            self.keep = builder._truth(condition, self.keep)
        self.step = builder.build(addition if addition is not None else node.step)

    def run(self, frame: EvaluationFrame, items: list[Any] | dict[Any, Any]) -> None:
        turn = self._append if self.appends else self._replace
        for item in items:
            if self.proceed is not None and self.proceed(frame) is False:
                return
            frame.spend(self.cost)
            frame.scope[self.variable] = item
            turn(frame)

    def _append(self, frame: EvaluationFrame) -> None:
        if self.keep is None or self.keep(frame):
            frame.allot(1)
            frame.scope[self.result_name].append(self.step(frame))

    def _replace(self, frame: EvaluationFrame) -> None:
        frame.scope[self.result_name] = self.step(frame)


def _appending(node: Fold) -> tuple[Node | None, Node | None]:
    """(condition, element) when the step is `result + [element]` or that under a condition, as in map, filter."""
    step, condition = node.step, None
    if not (isinstance(node.start, ListLiteral) and not node.start.elements):
        return None, None
    if isinstance(step, FunctionCall) and step.function == "_?_:_" and _names(step.args[2], node.result_name):
        condition, step = step.args[0], step.args[1]
    if not (isinstance(step, FunctionCall) and step.function == "_+_" and _names(step.args[0], node.result_name)):
        return None, None
    added = step.args[1]
    if isinstance(added, ListLiteral) and len(added.elements) == 1 and not added.optional:
        return condition, added.elements[0]
    return None, None


def _names(node: Node, name: str) -> bool:
    return isinstance(node, Identifier) and node.name == name


def _is_true(node: Node) -> bool:
    return isinstance(node, Constant) and node.value is True


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Select():
            return (node.operand,)
        case FunctionCall():
            return node.args
        case ListLiteral():
            return node.elements
        case MapLiteral():
            return tuple(part for key, value, _ in node.entries for part in (key, value))
        case Fold():
            return (node.over, node.start, node.proceed, node.step, node.result)
        case _:
            return ()


def weight(node: Node) -> int:
    """How many nodes one turn evaluates."""
    return 1 + sum(weight(child) for child in children(node))


def path_of(node: Node) -> str:
    """`steps.fetch.output`, as the user wrote it, or `the value` when it is not a path."""
    match node:
        case Identifier():
            return node.name if not node.name.startswith("@") else "the value"
        case Select():
            return f"{path_of(node.operand)}.{node.field}"
        case FunctionCall(function="_[_]", args=(holder, Constant(value=key))):
            return f"{path_of(holder)}[{key!r}]"
        case _:
            return "the value"
