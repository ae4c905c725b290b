"""Nouns behind numbers. What can be counted is known by its plural, as lists are."""

from __future__ import annotations

# (how the plural ends, how one ends), the first that fits. Rules go no further than they are right for most words:
# caches and databases lose an s, and whoever has statuses says what one is.
ENDINGS = (
    ("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("tches", "tch"), ("nches", "nch"), ("rches", "rch"), ("xes", "x"),
    ("ss", "ss"), ("s", ""),
)  # fmt: skip


def singular(plural: str) -> str:
    """`policies` -> `policy`, `batches` -> `batch`, `saved views` -> `saved view`."""
    end, one = next(((end, one) for end, one in ENDINGS if plural.endswith(end)), ("", ""))
    return plural.removesuffix(end) + one


def noun_for(number: float, plural: str, one: str = "") -> str:
    """`plural`, or what one of them is called: `one`, else by the rule."""
    return (one or singular(plural)) if number == 1 else plural


def counted(number: int, plural: str, one: str = "") -> str:
    """`1 policy`, `1,234 policies`."""
    return f"{number:,} {noun_for(number, plural, one)}"
