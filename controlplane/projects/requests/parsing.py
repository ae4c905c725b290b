"""Request bodies: JSON that PostgreSQL can keep, or a refusal that says what is wrong with it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from controlplane.domain.errors import InvalidInput
from controlplane.domain.json_schema import depth_of, unstorable

# Deeper than any schema or specification may be, far less than Python's stack.
DEPTH_LIMIT = 100
TOO_DEEP = f"The JSON is nested more than {DEPTH_LIMIT} levels deep."
# NUL cannot be stored as text, and half of a surrogate pair is not a character.
SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class StrictJSONParser(JSONParser):
    """Refuses what the plain parser lets through to the database, chokes on or guesses at.

    NUL, half characters, deep nesting, numbers that JSON does not have, a field that is given twice.
    """

    def parse(self, stream, media_type=None, parser_context=None) -> Any:
        body = stream.read()
        try:
            # Not what Python guesses: it takes UTF-16, and half characters that stand in the bytes as they are.
            text = body.decode("utf-8-sig")
            parsed = json.loads(text, parse_constant=refuse_constant, parse_float=finite, object_pairs_hook=each_once)
            too_deep = depth_of(parsed) > DEPTH_LIMIT
        except RecursionError:
            too_deep = True
        except ValueError as error:
            raise ParseError(f"This is not JSON: {reason(error)}") from error
        if too_deep:
            raise ParseError(TOO_DEEP)
        if SUSPICIOUS.search(body):
            refuse_unstorable(parsed)
        return parsed


def reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not text in {error.encoding.upper()}."
    return str(error).partition("; use sys.")[0]


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")


def finite(text: str) -> float:
    """Raises ValueError for what PostgreSQL could not store: a number beyond the range of doubles."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large a number.")
    return value


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that stands twice, of which JSON readers keep one or the other."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"“{name}” stands twice in one object.")
        found[name] = value
    return found


def refuse_unstorable(parsed: Any) -> None:
    """Raises InvalidInput naming the first text that cannot be stored."""
    path = unstorable(parsed)
    if path is not None:
        raise InvalidInput.field(path, "This text holds NUL or half a character, which cannot be stored.", "unstorable")
