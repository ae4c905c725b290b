"""`:named` parameters as real ones: finds them in SQL text, and replaces each by the database's placeholder.

Values never enter the text. A mistake here can only misplace a placeholder, which the database then refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controlplane.domain.failures import Misconfigured

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DOLLAR_QUOTE = re.compile(r"\$([A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$")
# A doubled quote is part of the text; text that never closes runs to the end.
QUOTED = {quote: re.compile(f"{quote}(?:[^{quote}]+|{quote}{quote})*{quote}?") for quote in "'\"`"}
ESCAPE_STRING = re.compile(r"'(?:[^'\\]+|''|\\.)*\\?'?", re.DOTALL)
COMMENT_EDGE = re.compile(r"/\*|\*/")
# Everything that a scan must not look into, or that could begin it.
INTERESTING = re.compile(r"""['"`\[$:]|--|/\*""")
# A parameter stands where an expression may begin. After these a colon is a slice, a struct key or an operator.
NOT_BEFORE_PARAMETER = re.compile(r"""[A-Za-z0-9_:'"`\])}\x80-\uffff]""")


@dataclass(frozen=True)
class Dialect:
    """What quotes text in one database's SQL."""

    placeholder: str
    nested_comments: bool = True
    dollar_quotes: bool = True
    escape_strings: bool = True
    bracket_names: bool = False
    backtick_names: bool = False


POSTGRES = Dialect(placeholder="${}")
DUCKDB = Dialect(placeholder="${}")
SQLITE = Dialect(
    placeholder="?{}",
    nested_comments=False,
    dollar_quotes=False,
    escape_strings=False,
    bracket_names=True,
    backtick_names=True,
)


@dataclass(frozen=True)
class Bound:
    """SQL with numbered placeholders, and the values in their order."""

    sql: str
    values: list[object] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)

    def original(self, offset: int) -> int:
        """Where a character offset in `sql` was in the text the user wrote."""
        shift = 0
        for start, placeholder_length, name_length in self.spans:
            if offset < start + placeholder_length:
                return min(offset, start) + shift
            shift += name_length - placeholder_length
        return offset + shift


def bind(sql: str, params: Mapping[str, object], dialect: Dialect) -> Bound:
    """Raises `Misconfigured` naming parameters the SQL uses that `params` does not have. Unused ones are ignored."""
    found = parameters(sql, dialect)
    missing = sorted({name for _, name in found} - set(params))
    if missing:
        raise Misconfigured(f"The SQL uses parameters that have no value: {', '.join(missing)}.", missing=missing)
    names = list(dict.fromkeys(name for _, name in found))
    parts, spans, end, length = [], [], 0, 0
    for offset, name in found:
        placeholder = dialect.placeholder.format(names.index(name) + 1)
        parts += [sql[end:offset], placeholder]
        length += offset - end
        spans.append((length, len(placeholder), len(name) + 1))
        length += len(placeholder)
        end = offset + len(name) + 1
    return Bound("".join([*parts, sql[end:]]), [params[name] for name in names], names, spans)


def parameters(sql: str, dialect: Dialect) -> list[tuple[int, str]]:
    """Offset of the colon and name of each parameter, in order."""
    found: list[tuple[int, str]] = []
    position = 0
    while match := INTERESTING.search(sql, position):
        start, sign = match.start(), match.group()
        if sign == ":":
            name = _parameter_at(sql, start)
            position = start + 1 + len(name)
            if name:
                found.append((start, name))
        else:
            position = _SKIP[sign](sql, start, dialect)
    return found


def _parameter_at(sql: str, colon: int) -> str:
    if colon and NOT_BEFORE_PARAMETER.match(sql, colon - 1):
        return ""
    match = NAME.match(sql, colon + 1)
    return match.group() if match else ""


def _skip_string(sql: str, start: int, dialect: Dialect) -> int:
    prefixed = start > 0 and sql[start - 1] in "eE" and not (start > 1 and _in_word(sql[start - 2]))
    pattern = ESCAPE_STRING if dialect.escape_strings and prefixed else QUOTED["'"]
    return _end(pattern.match(sql, start), start)


def _skip_name(sql: str, start: int, dialect: Dialect) -> int:
    return _end(QUOTED['"'].match(sql, start), start)


def _skip_backtick(sql: str, start: int, dialect: Dialect) -> int:
    return _end(QUOTED["`"].match(sql, start), start) if dialect.backtick_names else start + 1


def _end(match: re.Match[str] | None, start: int) -> int:
    return start + 1 if match is None else match.end()


def _skip_bracket(sql: str, start: int, dialect: Dialect) -> int:
    if not dialect.bracket_names:
        return start + 1
    end = sql.find("]", start)
    return len(sql) if end < 0 else end + 1


def _skip_dollar(sql: str, start: int, dialect: Dialect) -> int:
    match = DOLLAR_QUOTE.match(sql, start)
    if not dialect.dollar_quotes or match is None or (start > 0 and _in_word(sql[start - 1])):
        return start + 1
    end = sql.find(match.group(), match.end())
    return len(sql) if end < 0 else end + len(match.group())


def _skip_line(sql: str, start: int, dialect: Dialect) -> int:
    end = sql.find("\n", start)
    return len(sql) if end < 0 else end


def _skip_comment(sql: str, start: int, dialect: Dialect) -> int:
    depth = 0
    for match in COMMENT_EDGE.finditer(sql, start):
        if match.group() == "*/":
            depth -= 1
        elif dialect.nested_comments or depth == 0:
            depth += 1
        if depth == 0:
            return match.end()
    return len(sql)


def _in_word(character: str) -> bool:
    return character.isalnum() or character in "_$" or character > "\x7f"


_SKIP: dict[str, Callable[[str, int, Dialect], int]] = {
    "'": _skip_string,
    '"': _skip_name,
    "`": _skip_backtick,
    "[": _skip_bracket,
    "$": _skip_dollar,
    "--": _skip_line,
    "/*": _skip_comment,
}
