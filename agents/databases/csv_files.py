"""How a CSV or TSV file is read: by rules of ours, never by DuckDB's guesses, which leave out lines that do not fit.

The separator is the one that fits the first lines. The first line names the columns unless a number or a date stands in
it. A column is a number, date, time or boolean only where every value keeps its meaning to the last digit; `007`, `+1`
and numbers of too many digits are text. Every line must have the fields of the first, else the file is an error that
names it. Empty values are null. Blanks around quotation marks, and empty fields too many at the end, are nothing.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from agents.databases.failures import ConnectionFailed

HEAD_BYTES = 256 * 1024
FIRST_ROWS = 50
# So many rows say what type a column has; a later value that does not fit makes it text after all.
SAMPLE_ROWS = 20_480
SEPARATORS = ",;\t|"
LINE_END = re.compile(r"\r\n|\r|\n")
QUOTED = re.compile(r'"[^"]*("|\Z)')
NUMBER_OR_DATE = re.compile(r"\s*[-+]?[.,]?\d[\d.,:/ TZe+-]*\s*")
MISFIT = "does not fit its column"
MIXED = "mixes kinds of line endings, or its quotation marks are wrong"
NOT_UTF8 = "is not UTF-8 text; save it as UTF-8"


@dataclass(frozen=True)
class Layout:
    """`names` are the columns, `packed` says that it is a gzip file."""

    file: str
    separator: str
    names: tuple[str, ...]
    has_header: bool
    packed: bool

    @property
    def notice(self) -> str | None:
        if self.has_header:
            return None
        return f"{self.file} does not begin with a line of column names: its columns are column0, column1 and so on."


def layout_of(file: Path, descriptor: int) -> Layout:
    """From the beginning of the file. Raises ConnectionFailed for one that cannot be read by the rules above."""
    packed = file.name.lower().endswith(".gz")
    head, complete = _head(descriptor, packed=packed)
    text = _decoded(file.name, head, complete=complete)
    _check_lines(file.name, text)
    rows = {separator: _first_rows(text, separator, complete=complete) for separator in SEPARATORS}
    tabbed = ".tsv" in file.name.lower()
    separator = max(SEPARATORS, key=lambda one: (*_fit(rows[one]), tabbed and one == "\t"))
    if not rows[separator]:
        raise unreadable(file.name, "has a first line that is too long")
    first = rows[separator][0]
    has_header = not any(NUMBER_OR_DATE.fullmatch(cell) for cell in first)
    return Layout(file.name, separator, _names(first if has_header else [""] * len(first)), has_header, packed)


def reader(layout: Layout, path: str) -> str:
    """Every line as a row of texts c0, c1 and so on, then without the line of names: where it is odd, DuckDB's own way
    to pass over it takes rows along."""
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(layout.names)))
    options = {
        "auto_detect": "false",
        "header": "false",
        "delim": quoted(layout.separator),
        "quote": "'\"'",
        "escape": "'\"'",
        "comment": "''",
        "nullstr": "''",
        "encoding": "'utf-8'",
        "compression": "'gzip'" if layout.packed else "'none'",
        "strict_mode": "true",
        "null_padding": "false",
        "ignore_errors": "false",
        "columns": f"{{{columns}}}",
    }
    listed = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"(FROM read_csv({quoted(path)}, {listed}){' OFFSET 1' if layout.has_header else ''})"


def examination(layout: Layout, path: str, *, rows: int | None) -> str:
    """A statement that gives one row with one set of flags a column, over the first `rows` rows or over all."""
    limit = f" LIMIT {rows}" if rows else ""
    flags = ", ".join(f"bit_or({_flag(f'c{number}')})" for number in range(len(layout.names)))
    return f"SELECT {flags} FROM (FROM {reader(layout, path)}{limit})"  # noqa: S608 - names of this file


def types_of(flags: Iterable[int | None]) -> list[str]:
    """The type of each column; one without any value is text."""
    return [next((kind for kind, mask in MASKS.items() if found and not found & ~mask), "VARCHAR") for found in flags]


def view(name: str, layout: Layout, path: str, types: Sequence[str]) -> str:
    """The statement that makes the view; a value that has not its column's type ends the query with MISFIT."""
    shown = (
        f'{_checked(f"c{number}", column, kind, layout.file)} AS "{column.replace(chr(34), chr(34) * 2)}"'
        for number, (column, kind) in enumerate(zip(layout.names, types, strict=True))
    )
    return f'CREATE VIEW "{name}" AS SELECT {", ".join(shown)} FROM {reader(layout, path)}'  # noqa: S608 - quoted


def unreadable(file: str, reason: str) -> ConnectionFailed:
    return ConnectionFailed(f"{file} {reason}.", retryable=False)


def reason_of(message: str) -> str | None:
    """DuckDB's report on a file, many lines with options of its own, in one plain clause; None when it is not one."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    place = f" in line {line[1]}" if line else ""
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if fields:
        return f"has {fields[2]} fields{place} and {fields[1]} in its first line"
    for pattern, words in _REASONS:
        if re.search(pattern, message, re.IGNORECASE):
            return words.format(place=place)
    return f"cannot be read{place}" if line else None


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_REASONS = (
    (r"unterminated quote", "has a quotation mark that is not closed, or text after it,{place}"),
    (r"not utf-8|invalid unicode", f"{NOT_UTF8}: a letter is wrong{{place}}"),
    (r"maximum line size", "has a line of more than 2,000,000 bytes{place}"),
    (r"state machine", MIXED),
    (r"GZIP stream|gzip", "is cut short, or no gzip file"),
)
SMALL, BIG, DECIMAL, BOOLEAN, DATE, TIME, MOMENT, ZONED, TEXT = (1 << number for number in range(9))
# A whole number of up to 15 digits is the same as a decimal one.
MASKS = {
    "BIGINT": SMALL | BIG,
    "DOUBLE": SMALL | DECIMAL,
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    "TIME": TIME,
    "TIMESTAMP": MOMENT,
    "TIMESTAMP WITH TIME ZONE": ZONED,
}
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
_ISO = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{_CLOCK}"
_ZONE = r"(Z|[-+][0-9]{2}:[0-9]{2})"
_PLAIN = r"-?((0|[1-9][0-9]*)([.][0-9]+)?|[.][0-9]+)([eE][-+]?[0-9]{1,2})?"
# `@` stands for the column.
_TESTS = {
    SMALL: "length(@) <= 15 AND CAST(TRY_CAST(@ AS BIGINT) AS VARCHAR) = @",
    BIG: "CAST(TRY_CAST(@ AS BIGINT) AS VARCHAR) = @",
    DECIMAL: f"length(replace(ltrim(@, '-'), '.', '')) <= 15 AND regexp_full_match(@, '{_PLAIN}')"
    " OR CAST(TRY_CAST(@ AS DOUBLE) AS VARCHAR) = @",
    DATE: "CAST(TRY_CAST(@ AS DATE) AS VARCHAR) = @",
    TIME: f"regexp_full_match(@, '{_CLOCK}') AND TRY_CAST(@ AS TIME) IS NOT NULL",
    MOMENT: f"regexp_full_match(@, '{_ISO}') AND TRY_CAST(@ AS TIMESTAMP) IS NOT NULL",
    ZONED: f"regexp_full_match(@, '{_ISO}{_ZONE}') AND TRY_CAST(@ AS TIMESTAMP WITH TIME ZONE) IS NOT NULL",
}


def _flag(column: str) -> str:
    """What one value can be, as one of the flags above; null for an empty one."""
    numeric = " ".join(f"WHEN {test.replace('@', column)} THEN {flag}" for flag, test in _TESTS.items())
    return (
        f"CASE WHEN {column} IS NULL THEN NULL"
        f" WHEN ascii({column}) BETWEEN 45 AND 57 THEN CASE {numeric} ELSE {TEXT} END"
        f" WHEN length({column}) < 6 AND lower({column}) IN ('true', 'false') THEN {BOOLEAN} ELSE {TEXT} END"
    )


def _checked(source: str, column: str, kind: str, file: str) -> str:
    if kind not in MASKS:
        return source
    misfit = quoted(f"{MISFIT}: {column} of {file}: ")
    fits = f"({_flag(source)}) & {MASKS[kind]} <> 0"
    return (
        f"CASE WHEN {source} IS NULL THEN NULL WHEN {fits} THEN CAST({source} AS {kind})"
        f" ELSE CAST(error({misfit} || {source}) AS {kind}) END"
    )


def _head(descriptor: int, *, packed: bool) -> tuple[bytes, bool]:
    """The first bytes, unpacked, and whether they are all there is."""
    raw = os.pread(descriptor, HEAD_BYTES, 0)
    whole = len(raw) < HEAD_BYTES
    if not packed:
        return raw, whole
    unpacking = zlib.decompressobj(31)
    try:
        head = unpacking.decompress(raw, HEAD_BYTES)
    except zlib.error:
        return b"\x00", True
    return head, unpacking.eof and not unpacking.unused_data


def _decoded(file: str, head: bytes, *, complete: bool) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise unreadable(file, "is UTF-16 text; save it as UTF-8")
    if b"\x00" in head:
        raise unreadable(file, "is no text in UTF-8, or no gzip file though it is called one")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head.removeprefix(codecs.BOM_UTF8), final=complete)
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise unreadable(file, f"{NOT_UTF8}: a letter is wrong in line {line}") from None


def _check_lines(file: str, text: str) -> None:
    """DuckDB passes over rows when the lines before them end in different ways, or are empty."""
    if not text.strip("\r\n"):
        raise unreadable(file, "is empty: it has no line of column names")
    if text[0] in "\r\n":
        raise unreadable(file, "begins with an empty line; take it out")
    if len(set(LINE_END.findall(QUOTED.sub("", text)))) > 1:
        raise unreadable(file, MIXED)


def _first_rows(text: str, separator: str, *, complete: bool) -> list[list[str]]:
    """At most FIRST_ROWS; without the last one when the text was cut within it."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        filled = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row)
        rows.extend(islice(filled, FIRST_ROWS + 1))
    return rows[:FIRST_ROWS] if complete or len(rows) > FIRST_ROWS else rows[:-1]


def _fit(rows: list[list[str]]) -> tuple[bool, int]:
    """Better when all rows have the same number of fields, then when they have more."""
    width = len(rows[0]) if rows else 0
    return width > 1 and all(len(row) == width for row in rows), width


def _names(cells: list[str]) -> tuple[str, ...]:
    """Names of their own for empty cells (`column0`), and for those that stood there before (`id_1`)."""
    taken: dict[str, str] = {}
    for number, cell in enumerate(cells):
        name = stem = cell.strip() or f"column{number}"
        again = 0
        while name.lower() in taken:
            again += 1
            name = f"{stem}_{again}"
        taken[name.lower()] = name
    return tuple(taken.values())
