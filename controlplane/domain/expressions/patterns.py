"""Regular expressions, by the RE2 inside Google's CEL: linear time whatever the pattern."""

from __future__ import annotations

from controlplane.domain.expressions.errors import WrongType

PATTERN_LIMIT = 1000


def matches(text: str, pattern: str) -> bool:
    """Whether `pattern` is found anywhere in `text`."""
    from controlplane.domain.expressions.google import matched

    if len(pattern) > PATTERN_LIMIT:
        raise WrongType(f"matches() takes a pattern of at most {PATTERN_LIMIT:,} characters.")
    try:
        found, fault = matched(text, pattern)
    except (RuntimeError, TypeError, UnicodeError):
        raise WrongType("matches() cannot read this text.")
    if fault:
        raise WrongType(f"matches() was given a bad regular expression: {fault}.")
    return found
