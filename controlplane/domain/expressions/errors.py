"""How an expression goes wrong."""

from __future__ import annotations

from controlplane.domain.failures import Failure


class ExpressionError(Failure):
    """An expression that does not compile or cannot be evaluated; trying again does not help.

    `message` is one sentence, `source` the expression, `position` the offset of the fault in `source` in
    characters (0 is the first), or None where no place is to blame.
    """

    kind = "expression"
    retryable = False

    def __init__(self, message: str, source: str = "", position: int | None = None) -> None:
        super().__init__(message, expression=source[:500], position=position)
        self.source = source
        self.position = position

    def __str__(self) -> str:
        return self.message


class LimitReached(ExpressionError):
    """More work or more data than one evaluation may have. `||` and `&&` do not absorb it."""


class WrongType(Exception):
    """A value a function or operator cannot take; the text is the whole message."""
