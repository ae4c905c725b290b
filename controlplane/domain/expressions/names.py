"""Which names an expression reads, so that only those are loaded and references can be checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from controlplane.domain.expressions.compiler import parse
from controlplane.domain.expressions.functions import FUNCTIONS
from controlplane.domain.expressions.program import children
from controlplane.domain.expressions.syntax import Constant, Fold, FunctionCall, Identifier, Node, Select


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression reads.

    `roots` are the top-level names, `members[root]` the keys read directly under one (`steps.KEY`), `whole` the roots
    read without a fixed key (`steps[params.name]`), `fields[KEY]` the names read directly under `steps.KEY`.
    """

    roots: frozenset[str] = frozenset()
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    fields: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def steps(self) -> frozenset[str]:
        return self.members.get("steps", frozenset())

    def __or__(self, other: Names) -> Names:
        return Names(
            self.roots | other.roots,
            _merged(self.members, other.members),
            self.whole | other.whole,
            _merged(self.fields, other.fields),
        )


@lru_cache(maxsize=4096)
def names_used(source: str) -> Names:
    """The names the expression `source` reads. Cached; raises `ExpressionError` when it does not parse."""
    reader = _Reader()
    reader.read(parse(source).root, frozenset())
    return Names(frozenset(reader.roots), _frozen(reader.members), frozenset(reader.whole), _frozen(reader.fields))


def union(several: Iterable[Names]) -> Names:
    total = Names()
    for names in several:
        total |= names
    return total


class _Reader:
    def __init__(self) -> None:
        self.roots: set[str] = set()
        self.members: dict[str, set[str]] = defaultdict(set)
        self.whole: set[str] = set()
        self.fields: dict[str, set[str]] = defaultdict(set)

    def read(self, node: Node, bound: frozenset[str]) -> None:
        """Walk `node`; `bound` are the loop variables, which are not names of the context."""
        if isinstance(node, Identifier):
            if node.name not in bound:
                self.roots.add(node.name)
                self.whole.add(node.name)
            return
        root, key = _first_step(node)
        if root and root not in bound:
            self.roots.add(root)
            self.members[root].add(key)
            return
        self._note_field(node)
        if isinstance(node, Fold):
            self._read_fold(node, bound)
            return
        for child in _operands(node):
            self.read(child, bound)

    def _note_field(self, node: Node) -> None:
        if isinstance(node, Select):
            root, key = _first_step(node.operand)
            if root == "steps":
                self.fields[key].add(node.field)

    def _read_fold(self, node: Fold, bound: frozenset[str]) -> None:
        inside = bound | {node.variable, node.result_name}
        self.read(node.over, bound)
        self.read(node.start, bound)
        for part in (node.proceed, node.step, node.result):
            self.read(part, inside)


def _operands(node: Node) -> tuple[Node, ...]:
    """What `node` works on. Only the checker knows `math.abs` for one name; the parser reads a method of `math`."""
    match node:
        case FunctionCall(function=function, args=(Identifier(name=space), *rest)) if (
            f"{space}.{function}" in FUNCTIONS
        ):
            return tuple(rest)
        case _:
            return children(node)


def _first_step(node: Node) -> tuple[str, str]:
    """(root, key) of `root.key`, `root['key']`, `root.?key` and `root[?'key']`."""
    match node:
        case Select(operand=Identifier(name=root), field=key):
            return root, key
        case FunctionCall(function="_[_]" | "_?._" | "_[?_]", args=(Identifier(name=root), Constant(value=str(key)))):
            return root, key
        case _:
            return "", ""


def _merged(left: dict[str, frozenset[str]], right: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    empty: frozenset[str] = frozenset()
    return {key: left.get(key, empty) | right.get(key, empty) for key in left.keys() | right.keys()}


def _frozen(sets: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}
