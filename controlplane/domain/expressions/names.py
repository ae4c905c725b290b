"""Which names an expression reads, so that only those are loaded and references can be checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from controlplane.domain.expressions.compiler import parse
from controlplane.domain.expressions.program import children
from controlplane.domain.expressions.syntax import Call, Constant, Fold, Identifier, Node, Select


@dataclass(frozen=True, slots=True)
class Names:
    """`roots` are the top-level names; `members[root]` the keys read directly under one (`steps.KEY`); `whole` the roots
    read in a way that does not tell which key, such as `steps[params.name]`."""

    roots: frozenset[str] = frozenset()
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    @property
    def steps(self) -> frozenset[str]:
        return self.members.get("steps", frozenset())

    def __or__(self, other: Names) -> Names:
        keys = self.members.keys() | other.members.keys()
        empty: frozenset[str] = frozenset()
        members = {key: self.members.get(key, empty) | other.members.get(key, empty) for key in keys}
        return Names(self.roots | other.roots, members, self.whole | other.whole)


def names_used(source: str) -> Names:
    """The names the expression `source` reads. Raises `ExpressionError` when it does not parse."""
    reader = _Reader()
    reader.read(parse(source).root, frozenset())
    members = {root: frozenset(keys) for root, keys in reader.members.items()}
    return Names(frozenset(reader.roots), members, frozenset(reader.whole))


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
        if isinstance(node, Fold):
            self._read_fold(node, bound)
            return
        for child in children(node):
            self.read(child, bound)

    def _read_fold(self, node: Fold, bound: frozenset[str]) -> None:
        inside = bound | {node.variable, node.result_name}
        self.read(node.over, bound)
        self.read(node.start, bound)
        for part in (node.proceed, node.step, node.result):
            self.read(part, inside)


def _first_step(node: Node) -> tuple[str, str]:
    """(root, key) of `root.key`, `root['key']`, `root.?key` and `root[?'key']`."""
    match node:
        case Select(operand=Identifier(name=root), field=key):
            return root, key
        case Call(function="_[_]" | "_?._" | "_[?_]", args=(Identifier(name=root), Constant(value=str(key)))):
            return root, key
        case _:
            return "", ""
