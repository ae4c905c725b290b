"""`:named` parameters as real ones: finds them in SQL text, and replaces each by the database's placeholder.

Values never enter the text. A mistake here can only misplace a placeholder, which the database then refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.databases.failures import SqlError
from controlplane.domain.failures import Misconfigured

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DOLLAR_QUOTE = re.compile(r"\$([A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$")
# A doubled quote is part of the text; text that never closes runs to the end.
QUOTED = {quote: re.compile(f"{quote}(?:[^{quote}]+|{quote}{quote})*{quote}?") for quote in "'\"`"}
ESCAPE_STRING = re.compile(r"'(?:[^'\\]+|''|\\.)*\\?'?", re.DOTALL)
COMMENT_EDGE = re.compile(r"/\*|\*/")
# Everything that a scan must not look into, or that could begin it.
INTERESTING = re.compile(r"""['"`\[$:?@]|--|/\*""")
# A parameter stands where an expression may begin. After these a colon is a slice, a struct key or an operator.
NOT_BEFORE_PARAMETER = re.compile(r"""[A-Za-z0-9_:'"`\])}\x80-\uffff]""")


@dataclass(frozen=True)
class Dialect:
    """What quotes text in one database's SQL."""

    placeholder: str
    # What the database itself takes for a parameter, at one of the signs `$ ? @ :`.
    own: re.Pattern[str]
    nested_comments: bool = True
    dollar_quotes: bool = True
    escape_strings: bool = True
    bracket_names: bool = False
    backtick_names: bool = False


POSTGRES = Dialect(placeholder="${}", own=re.compile(r"\$\d+"))
DUCKDB = Dialect(placeholder="${}", own=re.compile(r"\$\w+(?![\w$])|\?\d*"))
SQLITE = Dialect(
    placeholder="?{}",
    own=re.compile(r"[$@]\w+|\?\d*|:\d\w*"),
    nested_comments=False,
    dollar_quotes=False,
    escape_strings=False,
    bracket_names=True,
    backtick_names=True,
)
DIALECTS = {"postgres": POSTGRES, "duckdb": DUCKDB, "sqlite": SQLITE}


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


def bind(sql: str, params: Mapping[str, object], dialect: Dialect, *, apart: bool = False) -> Bound:
    """A name that is used twice is one placeholder, or as many as there are uses when they are to be `apart`.

    Raises `Misconfigured` naming parameters the SQL uses that `params` does not have. Unused ones are ignored.
    """
    found = parameters(sql, dialect)
    missing = sorted({name for _, name in found} - set(params))
    if missing:
        raise Misconfigured(f"The SQL uses parameters that have no value: {', '.join(missing)}.", missing=missing)
    used = [name for _, name in found]
    names = used if apart else list(dict.fromkeys(used))
    parts, spans, end, length = [], [], 0, 0
    for number, (offset, name) in enumerate(found, 1):
        placeholder = dialect.placeholder.format(number if apart else names.index(name) + 1)
        parts += [sql[end:offset], placeholder]
        length += offset - end
        spans.append((length, len(placeholder), len(name) + 1))
        length += len(placeholder)
        end = offset + len(name) + 1
    return Bound("".join([*parts, sql[end:]]), [params[name] for name in names], names, spans)


def parameters(sql: str, dialect: Dialect) -> list[tuple[int, str]]:
    """Offset of the colon and name of each parameter, in order."""
    return [(offset, text[1:]) for offset, text in _marks(sql, dialect) if text[0] == ":" and NAME.match(text, 1)]


def refuse_own_placeholders(sql: str, dialect: Dialect) -> None:
    """Raises `SqlError` for a parameter in the database's own spelling, such as `$1`: nothing can give it a value."""
    named = {offset for offset, _ in parameters(sql, dialect)}
    for offset, text in _marks(sql, dialect):
        if offset not in named:
            message = f"The statement holds {text[:30]}, which nothing can give a value. Write :name instead, and give"
            raise SqlError(f"{message} the value of name in the parameters.", **place_of(sql, offset))


def place_of(sql: str, offset: int) -> dict[str, Any]:
    """Position, line and column of an offset, each from 1, as an error's context has them."""
    before = sql[:offset]
    return {"position": offset + 1, "line": before.count("\n") + 1, "column": offset - before.rfind("\n")}


def _marks(sql: str, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """Offset and text of each `:name`, and of each placeholder of the database's own."""
    position = 0
    while match := INTERESTING.search(sql, position):
        start, sign = match.start(), match.group()
        text = f":{name}" if sign == ":" and (name := _parameter_at(sql, start)) else _own_at(sql, start, dialect)
        if text:
            yield start, text
        position = start + len(text) if text else _SKIP.get(sign, _skip_sign)(sql, start, dialect)


def _own_at(sql: str, start: int, dialect: Dialect) -> str:
    match = dialect.own.match(sql, start)
    if match is None or (start and sql[start] != "?" and NOT_BEFORE_PARAMETER.match(sql, start - 1)):
        return ""
    return match.group()


def _skip_sign(sql: str, start: int, dialect: Dialect) -> int:
    return start + 1


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
