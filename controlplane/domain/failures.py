"""How work goes wrong: what executors, the outbound client and database clients raise, and the engine records."""

from __future__ import annotations

from typing import Any


class Failure(Exception):
    """A typed failure of one attempt.

    `kind` is stable and filterable (`timeout`, `address_refused`, `http_status`, …), `message` is one sentence for a
    person, `context` is JSON-ready detail, `retryable` says whether another attempt could help, and `acted` whether
    the outside world may have seen the request already. `half_done`: the work broke off in the middle, so that another
    attempt would do a part of it twice.
    """

    kind = "error"
    retryable = True
    half_done = False

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        retryable: bool | None = None,
        acted: bool = False,
        **context: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.kind
        self.retryable = self.retryable if retryable is None else retryable
        self.acted = acted
        self.context = context

    @property
    def leaves_doubt(self) -> bool:
        """Whether it, or a part of it, may have been done all the same. Only an answer 4xx proves that it was not."""
        refused = self.kind == "http_status" and self.context.get("status") in range(400, 500)
        return self.half_done or (self.acted and not refused)


class TimedOut(Failure):
    kind = "timeout"


class Cancelled(Failure):
    kind = "cancelled"
    retryable = False


class Misconfigured(Failure):
    """What is asked for cannot work as configured: an unknown tool, a missing secret, input that breaks the schema."""

    kind = "misconfigured"
    retryable = False
