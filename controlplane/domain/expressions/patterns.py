"""Regular expressions, by the RE2 inside Google's CEL: linear time whatever the pattern."""

from __future__ import annotations

from functools import lru_cache

from cel_expr_python import cel

from controlplane.domain.expressions.errors import WrongType

PATTERN_LIMIT = 1000


@lru_cache(maxsize=1)
def _program() -> cel.Expression:
    text = {"text": cel.Type.STRING, "pattern": cel.Type.STRING}
    return cel.NewEnv(variables=text).compile("text.matches(pattern)")


def matches(text: str, pattern: str) -> bool:
    """Whether `pattern` is found anywhere in `text`."""
    if len(pattern) > PATTERN_LIMIT:
        raise WrongType(f"matches() takes a pattern of at most {PATTERN_LIMIT:,} characters.")
    try:
        found = _program().eval(data={"text": text, "pattern": pattern})
    except (RuntimeError, TypeError, UnicodeError):
        raise WrongType("matches() cannot read this text.")
    if found.type() == cel.Type.ERROR:
        reason = str(found.value()).rpartition("regular expression: ")[2]
        raise WrongType(f"matches() was given a bad regular expression: {reason}.")
    return bool(found.value())
