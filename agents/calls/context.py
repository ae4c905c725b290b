"""What a call is given, and what it gives back."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import is_away
from controlplane.domain.failures import Failure
from controlplane.domain.redaction import Redactor

LONGEST_MESSAGE, LONGEST_STACK = 500, 8_000


def _silent(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class CallContext:
    """The surroundings of one attempt.

    `log(level, text)` takes levels info, warning and error. `idempotency_key` is the same for every attempt of a step.
    `before_send()` is called just before a request leaves, and may be called more than once. `progress(done, total)`
    is for functions that work through many rows.
    """

    project_id: int
    token: CancelToken
    log: Callable[[str, str], None] = _silent
    idempotency_key: str = ""
    before_send: Callable[[], None] = _silent
    progress: Callable[[int, int], None] = _silent
    redactor: Redactor = field(default_factory=Redactor)

    def hiding(self, secrets: Iterable[str]) -> CallContext:
        """The same, with `secrets` kept out of its log; `redactor` keeps them out of everything else."""
        redactor, log = Redactor(secrets), self.log
        return replace(self, redactor=redactor, log=lambda level, text: log(level, redactor.text(text)))

    @contextmanager
    def limited(self, seconds: float, whose: str) -> Iterator[CallContext]:
        """The same within the limit of a tool or agent; a cancel of the outer token still arrives."""
        inner = self.token.within(seconds, whose)
        with self.token.interrupting(lambda: inner.cancel(self.token.reason)):
            yield replace(self, token=inner)


@dataclass(frozen=True)
class Answer:
    """What a call gave. `request` is what was asked, for display; nothing in it holds a secret."""

    output: Any
    request: Any
    cost_usd: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0


@contextmanager
def only_safe_failures(redactor: Redactor) -> Iterator[None]:
    """Around everything that happens while secrets are filled in: whatever goes wrong comes out as a redacted Failure.

    Only the loss of our own database passes as it is; it knows no secrets, and the engine treats it in its own way.
    """
    try:
        yield
    except Failure as failure:
        raise without_secrets(failure, redactor) from None
    except Exception as error:
        if is_away(error):
            raise
        raise unforeseen(error, redactor) from None


def unforeseen(error: Exception, redactor: Redactor) -> Failure:
    """An error that nobody expected as a Failure of its own kind; `context["stack"]` says where it came from.

    How far the work got is unknown.
    """
    name, stack = type(error).__name__, redactor.text("".join(traceback.format_exception(error)))
    message = redactor.text(f"{name}: {error}")[:LONGEST_MESSAGE]
    failure = Failure(message, kind=name, acted=True, stack=stack[-LONGEST_STACK:])
    failure.half_done = True
    return failure


def without_secrets(failure: Failure, redactor: Redactor) -> Failure:
    """The same failure with nothing secret in it, cut off from the errors that led to it."""
    failure.message = redactor.text(failure.message)
    failure.args = (failure.message,)
    failure.context = {name: redactor.json(value) for name, value in failure.context.items()}
    failure.__cause__ = failure.__context__ = None
    return failure
