"""A refusal or a syntax error in plain words. Explains only: the database, never this parser, decides what may run."""

from __future__ import annotations

READING = frozenset(
    ("Select", "Union", "Intersect", "Except", "Values", "Show", "Describe", "Pragma", "Table", "Subquery")
)


def what_it_does(sql: str, dialect: str) -> str:
    """For example "INSERT writes"; empty when the text cannot be read or only reads."""
    statements = _parsed(sql, dialect)
    if statements is None:
        return ""
    if len(statements) > 1:
        return f"The text holds {len(statements)} statements; only one can run"
    for node in statements[0].walk() if statements else ():
        name = type(node).__name__
        if name in ("Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "TruncateTable", "Copy"):
            return f"{_verb(name)} writes"
    name = type(statements[0]).__name__ if statements else ""
    return "" if name in READING or not name else f"{_first_word(sql)} is not a reading statement"


def where_it_breaks(sql: str, dialect: str) -> str:
    """What a parser stumbles over, with line and column; empty when it does not."""
    import sqlglot

    try:
        sqlglot.parse(sql, read=dialect)
    except sqlglot.errors.ParseError as error:
        detail = error.errors[0] if error.errors else {}
        if detail.get("line"):
            return f"Near {detail.get('highlight')!r}, line {detail['line']}, column {detail.get('col')}"
    except (sqlglot.errors.SqlglotError, RecursionError):
        return ""
    return ""


def _parsed(sql: str, dialect: str) -> list | None:
    import sqlglot

    try:
        return [statement for statement in sqlglot.parse(sql, read=dialect) if statement is not None]
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


def _verb(name: str) -> str:
    return {"TruncateTable": "TRUNCATE"}.get(name, name.upper())


def _first_word(sql: str) -> str:
    return (sql.split() or [""])[0].upper().rstrip(";")[:30]
