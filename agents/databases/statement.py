"""What a driver is asked to run, and until when."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from agents.databases.result import QueryLimits
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Cancelled, Failure, TimedOut


@dataclass(frozen=True)
class Statement:
    """One statement to run: its text, its values by name, its limits and who may stop it."""

    sql: str
    params: Mapping[str, object]
    limits: QueryLimits
    token: CancelToken
    deadline: float
    # Which limit the deadline is, for messages.
    limit: str

    def remaining(self) -> float:
        """Seconds left, at least one millisecond."""
        return max(0.001, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise what `stopped` says."""
        if failure := self.stopped():
            raise failure

    def stopped(self) -> Failure | None:
        """The failure a statement ends in that was stopped; None when nobody stopped it."""
        if self.token.cancelled:
            return Cancelled(f"The query was stopped: {self.token.reason}.")
        if time.monotonic() >= self.deadline:
            return TimedOut(f"The query did not finish within {self.limit}.")
        return None
