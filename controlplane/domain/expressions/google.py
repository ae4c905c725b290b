"""Google's CEL: its parser and its regular expressions. 15 MiB, so it is imported by the first expression only."""

from __future__ import annotations

from functools import lru_cache

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_math, ext_optional, ext_strings


def serialized(source: str, names: frozenset[str], *, disable_check: bool) -> bytes:
    """The checked tree of `source` as protobuf. Raises RuntimeError with a report, TypeError for broken Unicode."""
    return _environment(names).compile(source, disable_check=disable_check).serialize()


@lru_cache(maxsize=64)
def _environment(names: frozenset[str]) -> cel.Env:
    return cel.NewEnv(
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[
            ext_strings.ExtStrings(),
            ext_math.ExtMath(),
            ext_bindings.ExtBindings(),
            ext_optional.ExtOptional(),
        ],
    )


@lru_cache(maxsize=1)
def _matcher() -> cel.Expression:
    text = {"text": cel.Type.STRING, "pattern": cel.Type.STRING}
    return cel.NewEnv(variables=text).compile("text.matches(pattern)")


def matched(text: str, pattern: str) -> tuple[bool, str]:
    """Whether RE2 finds `pattern` in `text`, and what is wrong with the pattern. Raises RuntimeError and the like."""
    found = _matcher().eval(data={"text": text, "pattern": pattern})
    if found.type() == cel.Type.ERROR:
        return False, str(found.value()).rpartition("regular expression: ")[2]
    return bool(found.value()), ""
