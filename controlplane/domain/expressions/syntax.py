"""The syntax tree of an expression, read from what Google's CEL parser and checker hand out.

The wire format is the protocol buffer `cel.expr.CheckedExpr` (cel-spec: proto/cel/expr/checked.proto, syntax.proto),
decoded here by hand: `cel-expr-python` depends on no `protobuf` package and brings no description of these messages, so
that with such a package we would still describe them ourselves. Therefore the version is pinned, a field that is not
expected is refused, and `tests/domain/test_expression_trees.py` holds trees of every form that the pinned one wrote.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Message = dict[int, list[Any]]
# The numbers of the fields of each message.
ANY = MAP_ENTRY = frozenset({1, 2})
PARSED = frozenset({2, 3})
CHECKED = frozenset(range(2, 8))
SOURCE_INFO = frozenset(range(1, 7))
EXPRESSION = frozenset(range(2, 10))
CONSTANT = frozenset(range(1, 8))
IDENTIFIER = frozenset({1})
LIST = frozenset({1, 2})
SELECT = CALL = frozenset({1, 2, 3})
STRUCT = frozenset({1, 2})
STRUCT_ENTRY = frozenset({1, 3, 4, 5})
FOLD = frozenset(range(1, 8))


class NotAvailable(ValueError):
    """Something of CEL that we do not carry out, in a sentence."""


@dataclass(frozen=True, slots=True)
class Constant:
    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Identifier:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test` it is `has(operand.field)`."""

    id: int
    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`function(args)`; a method's target is the first of `args`."""

    id: int
    function: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListLiteral:
    id: int
    elements: tuple[Node, ...]
    optional: frozenset[int]


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """`entries` are (key, value, optional)."""

    id: int
    entries: tuple[tuple[Node, Node, bool], ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What every macro (`map`, `filter`, `all`, `exists`, `cel.bind`) expands to."""

    id: int
    variable: str
    over: Node
    result_name: str
    start: Node
    proceed: Node
    step: Node
    result: Node


Node = Constant | Identifier | Select | FunctionCall | ListLiteral | MapLiteral | Fold


@dataclass(frozen=True, slots=True)
class Tree:
    """`positions` maps a node's id to its offset in the source, in characters."""

    root: Node
    positions: dict[int, int]


def read_tree(serialized: bytes) -> Tree:
    """Decode what `Expression.serialize()` returns, checked or merely parsed.

    Raises NotAvailable, and ValueError for a format that is not the known one.
    """
    envelope = _fields(serialized, ANY)
    checked = envelope[1][0].endswith(b"CheckedExpr")
    body = _fields(envelope[2][0], CHECKED if checked else PARSED)
    info = _fields(body[5 if checked else 3][0], SOURCE_INFO)
    places = (_fields(entry, MAP_ENTRY) for entry in info[4])
    return Tree(
        root=_node(body[4 if checked else 2][0]),
        positions={_number(place, 1): _number(place, 2) for place in places},
    )


def _node(data: bytes) -> Node:
    fields = _fields(data, EXPRESSION)
    identity = _number(fields, 2)
    for kind, (known, read) in _READERS.items():
        if kind in fields:
            return read(identity, _fields(fields[kind][0], known))
    raise ValueError("An expression node of an unknown kind")


def _constant(identity: int, fields: Message) -> Node:
    for kind, read in _CONSTANTS.items():
        if kind in fields:
            return Constant(identity, read(fields[kind][0]))
    raise ValueError("A constant of an unknown kind")


def _select(identity: int, fields: Message) -> Node:
    return Select(identity, _node(fields[1][0]), _text(fields, 2), bool(_number(fields, 3)))


def _call(identity: int, fields: Message) -> Node:
    args = [*fields[1], *fields[3]]
    return FunctionCall(identity, _text(fields, 2), tuple(_node(arg) for arg in args))


def _list(identity: int, fields: Message) -> Node:
    return ListLiteral(identity, tuple(_node(one) for one in fields[1]), frozenset(_packed(fields[2])))


def _map(identity: int, fields: Message) -> Node:
    if fields.get(1):
        raise NotAvailable(f"Messages such as {_text(fields, 1)[:60]}{{}} cannot be made; write an object.")
    entries = (_fields(entry, STRUCT_ENTRY) for entry in fields[2])
    return MapLiteral(
        identity,
        tuple((_node(entry[3][0]), _node(entry[4][0]), bool(_number(entry, 5))) for entry in entries),
    )


def _fold(identity: int, fields: Message) -> Node:
    over, start, proceed, step, result = (_node(fields[number][0]) for number in (2, 4, 5, 6, 7))
    return Fold(identity, _text(fields, 1), over, _text(fields, 3), start, proceed, step, result)


_READERS: dict[int, tuple[frozenset[int], Callable[[int, Message], Node]]] = {
    3: (CONSTANT, _constant),
    4: (IDENTIFIER, lambda identity, fields: Identifier(identity, _text(fields, 1))),
    5: (SELECT, _select),
    6: (CALL, _call),
    7: (LIST, _list),
    8: (STRUCT, _map),
    9: (FOLD, _fold),
}
_CONSTANTS: dict[int, Callable[[Any], Any]] = {
    1: lambda raw: None,
    2: bool,
    3: lambda raw: raw - (1 << 64) if raw >= 1 << 63 else raw,
    4: int,
    5: lambda raw: struct.unpack("<d", raw)[0],
    6: lambda raw: raw.decode(),
    7: bytes,
}


def _fields(data: bytes, known: frozenset[int]) -> Message:
    """One protocol-buffer message: field number -> raw values in order. Raises ValueError when there is another."""
    fields: Message = defaultdict(list)
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number not in known or wire not in (0, 1, 2, 5):
            raise ValueError(f"Field {number} of wire type {wire} in a tree of CEL: is it of another version?")
        value: Any
        if wire == 0:
            value, at = _varint(data, at)
        else:
            length, at = (8, at) if wire == 1 else (4, at) if wire == 5 else _varint(data, at)
            value, at = data[at : at + length], at + length
        fields[number].append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _packed(values: list[Any]) -> list[int]:
    numbers: list[int] = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            numbers.append(number)
    return numbers


def _number(fields: Message, number: int) -> int:
    return fields[number][0] if fields.get(number) else 0


def _text(fields: Message, number: int) -> str:
    return fields[number][0].decode() if fields.get(number) else ""
