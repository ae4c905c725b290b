"""The trees that the pinned `cel-expr-python` hands out, byte for byte as it wrote them, and as the installed one does.

When one of these fails after an update, its format has changed: see `controlplane/domain/expressions/syntax.py`.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from controlplane.domain.errors import InvalidInput
from controlplane.domain.expressions import ExpressionError, evaluate
from controlplane.domain.expressions.google import serialized
from controlplane.domain.expressions.syntax import (
    Constant,
    Fold,
    FunctionCall,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    read_tree,
)
from workflows.specification.language import StaticCatalogue, validate

# Every form of node and constant that there is.
ALL_FORMS = "params.a.map(i, i ? [-2, 3u, 1.5, ?params.?b] : has(i.k) ? {'é': b'x', ?'o': params.?c} : null)"
PARSED = b64decode(
    "Cid0eXBlLmdvb2dsZWFwaXMuY29tL2NlbC5leHByLlBhcnNlZEV4cHISpQQSzQIQI0rIAgoBaRIVEAIqEQoMEAEiCAoGcGFyYW1zEgFhGgdAcm"
    "VzdWx0IgQQHToAKgYQHhoCEAEyhQIQITKAAhIDXytfGg0QHyIJCgdAcmVzdWx0GukBECA65AEK4QEQBjLcARIFXz9fOl8aBxAFIgMKAWkaUhAH"
    "Ok4KDxAIGgsY/v//////////AQoGEAkaAiADCg0QChoJKQAAAAAAAPg/CiEQDDIdEgRfPy5fGgwQCyIICgZwYXJhbXMaBxANGgMyAWISAQMadh"
    "ASMnISBV8/XzpfGhIQESoOCgcQDyIDCgFpEgFrGAEaTRATQkkSFQgUGggQFRoEMgLDqSIHEBYaAzoBeBIwCBcaBxAYGgMyAW8iIRAaMh0SBF8/"
    "Ll8aDBAZIggKBnBhcmFtcxoHEBsaAzIBYygBGgYQHBoCCAA6DRAiIgkKB0ByZXN1bHQa0gESBzxpbnB1dD4aAWAiBAgfEAwiBAgdEAwiBAggEA"
    "wiBAgcEFoiBAgbEE0iBAgaEFMiBAgjEAwiBAgSEDkiBAgLECMiBAgIEBUiBAgNECMiBAgPEDQiBAgeEAwiBAgREDMiBAgYEEgiBAgJEBkiBAgi"
    "EAwiBAgZEE0iBAgFEBAiBAgWEEEiBAgQEDUiBAgGEBIiBAgUED8iBAgCEAYiBAgBEAAiBAgMECkiBAgHEBQiBAgTEDsiBAgVEDwiBAgXEEsiBA"
    "gEEA0iBAghEAwiBAgKEB0="
)
CHECKED = b64decode(
    "Cih0eXBlLmdvb2dsZWFwaXMuY29tL2NlbC5leHByLkNoZWNrZWRFeHByEucBEgwIAhIICgZwYXJhbXMSEggEEg4KBF89PV8aBmVxdWFscxI4CA"
    "ESNAoEc2l6ZRoJc2l6ZV9saXN0GghzaXplX21hcBoKc2l6ZV9ieXRlcxoLc2l6ZV9zdHJpbmcaBggCEgIKABoGCAMSAgoAGgYIBRICGAIaBggE"
    "EgIYARoGCAESAhgCIjUQBDIxEgRfPT1fGiEQATIdEgRzaXplGhUQAyoRCgwQAiIICgZwYXJhbXMSAWEaBhAFGgIYAyoqEgc8aW5wdXQ+GgEUIg"
    "QIBBAPIgQIARAEIgQIAxALIgQIBRASIgQIAhAF"
)


def nodes(part: Any) -> Iterator[Node]:
    """`part` and every node below it."""
    if isinstance(part, tuple):
        for one in part:
            yield from nodes(one)
    elif is_dataclass(part):
        yield part  # type: ignore[misc]
        for field in fields(part):
            yield from nodes(getattr(part, field.name))


def test_what_was_written_then_is_read_as_it_was_meant():
    found = list(nodes(read_tree(PARSED).root))
    assert {type(node) for node in found} == {Fold, Select, Identifier, FunctionCall, ListLiteral, MapLiteral, Constant}
    values = [node.value for node in found if isinstance(node, Constant)]
    assert values == [True, -2, 3, 1.5, "b", "é", b"x", "o", "c", None]
    assert [node.field for node in found if isinstance(node, Select) and node.test] == ["k"]
    assert [node.optional for node in found if isinstance(node, ListLiteral) and node.optional] == [frozenset({3})]
    entries = [optional for node in found if isinstance(node, MapLiteral) for *_, optional in node.entries]
    assert entries == [False, True]


def test_the_installed_parser_writes_the_same():
    assert read_tree(serialized(ALL_FORMS, frozenset(), disable_check=True)) == read_tree(PARSED)


def test_the_installed_checker_writes_the_same():
    now = serialized("size(params.a) == 3", frozenset({"params"}), disable_check=False)
    assert read_tree(now) == read_tree(CHECKED)
    assert read_tree(CHECKED).root.function == "_==_"


@pytest.mark.parametrize("field", [bytes([0x50, 1]), bytes([0x7A, 1, 0]), bytes([0x0B])], ids=["10", "15", "group"])
def test_a_field_that_is_not_known_is_refused(field):
    """At the end of the envelope, where it is one more field of its own."""
    with pytest.raises(ValueError, match="another version"):
        read_tree(PARSED + field)


@pytest.mark.parametrize("source", ["Foo{a: 1}", "google.protobuf.Duration{seconds: 1}"])
def test_messages_are_refused_in_words(source):
    with pytest.raises(ExpressionError, match=r"cannot be made; write an object|is not known here"):
        evaluate(source, {})
    document = {"steps": [{"key": "a", "uses": "transform", "with": {"v": "${{ " + source + " }}"}}]}
    with pytest.raises(InvalidInput, match="cannot be made; write an object"):
        validate(document, catalogue=StaticCatalogue())
