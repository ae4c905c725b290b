"""Request bodies: JSON that PostgreSQL can keep, or a refusal that says what is wrong with it."""

from __future__ import annotations

import json
import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from controlplane.domain.json_schema import depth_of

# Deeper than any schema or specification may be, far less than Python's stack.
DEPTH_LIMIT = 100
TOO_DEEP = f"The JSON is nested more than {DEPTH_LIMIT} levels deep."
# NUL cannot be stored as text, and half of a surrogate pair is not a character.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class StrictJSONParser(JSONParser):
    """Refuses what the plain parser lets through to the database, or chokes on: NUL, half characters, deep nesting."""

    def parse(self, stream, media_type=None, parser_context=None) -> Any:
        body = stream.read()
        try:
            parsed = json.loads(body, parse_constant=refuse_constant)
            if depth_of(parsed) > DEPTH_LIMIT:
                raise ParseError(TOO_DEEP)
            if SUSPICIOUS.search(body):
                refuse_unstorable(parsed)
            return parsed
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ValueError as error:
            raise ParseError(f"This is not JSON: {error}") from error


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")


def refuse_unstorable(value: Any) -> None:
    """Raises ValueError (UnicodeEncodeError is one) for text that cannot be stored."""
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    if NUL.search(text):
        raise ValueError("text cannot hold the character NUL.")
