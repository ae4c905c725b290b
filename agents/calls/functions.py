"""Calling registered Python functions."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from agents.calls.context import LONGEST_MESSAGE, LONGEST_STACK, CallContext
from agents.calls.registry import registered
from agents.calls.schemas import as_json, check_input
from controlplane.domain.failures import Cancelled, Failure, Misconfigured, TimedOut


class FunctionError(Failure):
    """The function raised something it had not foreseen; `context` has type and stack."""

    kind = "function_error"


def call_function(
    config: Mapping[str, Any], input: Mapping[str, Any], context: CallContext
) -> tuple[Any, dict[str, Any]]:
    """The function's result and the request for display. Raises what the function raises, else FunctionError."""
    name = config["function"]
    found = registered().get(name)
    if found is None:
        raise Misconfigured(f"There is no function {name} in this installation.")
    check_input(found.input_schema, input)
    context.token.check()
    context.before_send()
    try:
        output = found.body(dict(input), context)
    except (Cancelled, TimedOut) as stopped:
        # It looked at its token in the middle of its work.
        stopped.acted = True
        raise
    except Failure:
        raise
    except Exception as error:
        # Redacted before it is cut: half a secret would not be found any more.
        stack = context.redactor.text("".join(traceback.format_exception(error)))[-LONGEST_STACK:]
        text = context.redactor.text(f"{type(error).__name__}: {error}")[:LONGEST_MESSAGE]
        message = f"The function {name} failed: {text}"
        raise FunctionError(message, acted=True, type=type(error).__name__, stack=stack) from None
    return as_json(output), {"function": name, "input": dict(input)}
