"""Functions that tools of the tests call. Workers load them through SPARKOPS_FUNCTION_MODULES."""

from __future__ import annotations

import time

from agents.calls.registry import function
from controlplane.domain.failures import Failure


class Refused(Failure):
    kind = "refused_by_test"


@function("test-echo", idempotent=True)
def echo(input: dict, context) -> dict:
    """Hands its input back with the key it was given."""
    return {**input, "key": context.idempotency_key}


@function("test-fail")
def fail(input: dict, context) -> None:
    raise Refused(input.get("message", "No."), retryable=input.get("retryable", True))


@function("test-crash")
def crash(input: dict, context) -> None:
    raise RuntimeError("out of paper")


@function("test-sleep")
def sleep(input: dict, context) -> dict:
    """Works for `seconds`, but looks at its token all the time."""
    context.log("info", "begun")
    seconds = input.get("input", input)["seconds"]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        context.token.wait(0.05)
        context.token.check()
    return {"slept": seconds}


@function("test-stubborn", idempotent=True)
def stubborn(input: dict, context) -> None:
    """Never looks at its token."""
    time.sleep(input["seconds"])


@function("test-large", idempotent=True)
def large(input: dict, context) -> str:
    return "x" * input["bytes"]


@function("test-log", idempotent=True)
def log(input: dict, context) -> int:
    for number in range(input["lines"]):
        context.log("info", f"line {number}")
    return input["lines"]


@function("test-progress", idempotent=True)
def progress(input: dict, context) -> None:
    for done in range(1, input["rows"] + 1):
        context.progress(done, input["rows"])


@function("test-compute", idempotent=True, cpu_bound=True)
def compute(input: dict, context) -> int:
    return sum(range(input["n"]))
