"""What some bulk actions need to be told: the same words on the page and over the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import InvalidInput
from controlplane.domain.tags import clean_tags


def tags_of(given: Any) -> list[str]:
    """A list, or text with commas. Raises InvalidInput."""
    words = given.split(",") if isinstance(given, str) else given
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidInput.field("tags", "Give a list of tags.")
    if any("\x00" in word for word in words):
        raise InvalidInput.field("tags", "A tag cannot hold NUL characters.")
    tags = clean_tags([part for word in words for part in word.split(",")])
    if not tags:
        raise InvalidInput.field("tags", "Give at least one tag.", "required")
    return tags


READERS: dict[str, Callable[[Any], Any]] = {"tags": tags_of}


def arguments_of(verb: AnyAction, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `verb` takes, from a form or a body. Raises InvalidInput naming the argument."""
    return {name: READERS[name](given.get(name, "")) for name in verb.takes}


def refuse_unknown(verb: AnyAction, given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in verb.takes]
    if unknown:
        raise InvalidInput.field(f"arguments.{unknown[0]}", "This action takes no such argument.", "unknown")
