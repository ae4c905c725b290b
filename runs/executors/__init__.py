"""What each kind of step does: for each module of `workflows/kinds` one of the same name, with a function `execute`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from runs.engine.outcome import Outcome
from runs.executors.context import StepContext

Executor = Callable[[StepContext], Outcome]


def executor_of(kind: str) -> Executor:
    """The function that carries out steps of `kind`; its module is imported when it is first needed."""
    return import_module(f"{__name__}.{kind}").execute
