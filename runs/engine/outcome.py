"""What an attempt came to: executors say it, the engine records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from controlplane.domain.failures import Failure


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: succeeded, waiting (`waits_for` what, for `wait_seconds` at most), failed or cancelled.

    `unknown`: it failed or was cancelled, but what must not be repeated may have taken effect.
    """

    state: str
    output: Any = None
    request: Any = None
    failure: Failure | None = None
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    waits_for: str = ""
    wait_seconds: float | None = None
    # What a model called: {"tool", "outcome", "duration_ms", "cost_usd"} each. Of a failure they are in its context.
    calls: Sequence[Mapping[str, Any]] = ()
    stack: str = ""
    unknown: bool = False
