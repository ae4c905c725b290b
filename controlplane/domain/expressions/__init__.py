"""Expressions in CEL over JSON values, and the templates that hold them."""

from controlplane.domain.expressions.compiler import Expression, compile
from controlplane.domain.expressions.errors import ExpressionError, LimitReached
from controlplane.domain.expressions.names import Names, names_used
from controlplane.domain.expressions.templates import (
    bare,
    condition,
    evaluate,
    has_template,
    names_in,
    render,
    slots_in,
)

__all__ = [
    "Expression",
    "ExpressionError",
    "LimitReached",
    "Names",
    "bare",
    "compile",
    "condition",
    "evaluate",
    "has_template",
    "names_in",
    "names_used",
    "render",
    "slots_in",
]
