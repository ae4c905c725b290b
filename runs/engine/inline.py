"""Steps that only wait: opened under the run's lock, so that no worker claims them and none holds them.

Their executor's module has, beside `execute`, a function `opening(step, request) -> Outcome` that needs no attempt:
waiting, or succeeded where there is nothing left to wait for. It raises a Failure where the step cannot be opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runs.engine.outcome import Outcome
from workflows.kinds import KINDS
from workflows.specification.language import Step


def opens_inline(step: Step) -> bool:
    """Whether a step of this kind needs no worker. False for kinds that are not installed."""
    kind = KINDS.get(step.kind)
    return kind is not None and kind.inline


def opening_of(step: Step, request: Any) -> Outcome:
    """What the step, whose rendered `with` is `request`, waits for. Executors build on this package: found by name."""
    return import_module(f"runs.executors.{step.kind}").opening(step, request)
