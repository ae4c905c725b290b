"""How work goes wrong. An executor, the outbound door or a database client raises one of these; the engine records it."""

from __future__ import annotations


class Failure(Exception):
    """A typed failure of one attempt.

    `kind` is stable and filterable (`timeout`, `address_refused`, `http_status`, …), `message` is one sentence for a
    person, `context` is JSON-ready detail, `retryable` says whether another attempt could help, and `acted` whether
    the outside world may have seen the request already.
    """

    kind = "error"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        retryable: bool | None = None,
        acted: bool = False,
        **context: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.kind
        self.retryable = self.retryable if retryable is None else retryable
        self.acted = acted
        self.context = context


class TimedOut(Failure):
    kind = "timeout"


class Cancelled(Failure):
    kind = "cancelled"
    retryable = False


class Misconfigured(Failure):
    """What is asked for cannot work as configured: an unknown tool, a missing secret, input that breaks the schema."""

    kind = "misconfigured"
    retryable = False
