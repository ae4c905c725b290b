"""JSON bodies, refused before their depth can exhaust anything that walks them."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from controlplane.domain.json_schema import depth_of

# Deeper than any schema or specification may be, far less than Python's stack.
DEPTH_LIMIT = 100
TOO_DEEP = f"The JSON is nested more than {DEPTH_LIMIT} levels deep."


class JSONBody(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(TOO_DEEP)
        if depth_of(value) > DEPTH_LIMIT:
            raise ParseError(TOO_DEEP)
        return value
