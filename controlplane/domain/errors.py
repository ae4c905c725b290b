"""What the portal says when it refuses. Every refusal is one of these: problem JSON, a page or a toast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field. `field` is a dotted path such as `steps[2].with.sql`; empty means the whole."""

    field: str
    message: str
    code: str = "invalid"
    line: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", printable(self.field))
        object.__setattr__(self, "message", printable(self.message))

    def as_dict(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class ProblemError(Exception):
    """A refusal with an HTTP status, a short stable `code`, one sentence for a person, and the fields at fault."""

    status = 400
    code = "bad_request"
    title = "The request cannot be done"

    def __init__(self, detail: str = "", *, errors: Iterable[FieldError] = (), code: str = "", **extra: object) -> None:
        self.detail = printable(detail or self.title)
        self.errors = list(errors)
        self.code = code or self.code
        self.extra = extra
        super().__init__(self.detail)

    @property
    def is_shown_by_its_form(self) -> bool:
        """Whether the form that was sent shows it: what was sent does not fit (400), or the state changed (409)."""
        return self.status in {400, 409}

    @property
    def wait(self) -> object:
        """Seconds, as the API's answer has them in Retry-After; None where waiting is not the way on."""
        return self.extra.get("retry_after")

    def as_problem(self) -> dict[str, object]:
        """The RFC 9457 body: type, title, status, detail, code, errors."""
        return {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [error.as_dict() for error in self.errors],
            **self.extra,
        }


def printable(text: str) -> str:
    """A refusal quotes what was sent, and half a character in it could be neither stored nor answered."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Malformed(ProblemError):
    """It cannot be read at all: not HTTP, not JSON."""

    code = "malformed"
    title = "The request is malformed"


class InvalidInput(ProblemError):
    """What was sent does not fit; `errors` names each field and reason."""

    status = 400
    code = "invalid_input"
    title = "The input is not valid"

    @classmethod
    def field(cls, field: str, message: str, code: str = "invalid") -> InvalidInput:
        return cls(message, errors=[FieldError(field, message, code)])


class NotAllowed(ProblemError):
    """The actor's role or token scope does not reach this verb."""

    status = 403
    code = "not_allowed"
    title = "Your role does not allow this"


class NotFound(ProblemError):
    """There is no such thing, or it is not yours: both read the same."""

    status = 404
    code = "not_found"
    title = "Not found"


class ActionRefused(ProblemError):
    """The thing is in a state in which this verb cannot apply, or somebody else was faster."""

    status = 409
    code = "refused"
    title = "The current state does not allow this"


class Conflict(ActionRefused):
    """It would clash with what exists: a name taken, an older version edited, something that depends on it."""

    code = "conflict"
    title = "It clashes with what exists"


class IdempotencyMismatch(ProblemError):
    """The same Idempotency-Key came back with a different body."""

    status = 422
    code = "idempotency_mismatch"
    title = "The Idempotency-Key was used for another request"


class PayloadTooLarge(ProblemError):
    status = 413
    code = "payload_too_large"
    title = "The request body is too large"


class Unavailable(ProblemError):
    """The database or the broker does not answer; asking again later helps."""

    status = 503
    code = "unavailable"
    title = "The service is not ready"


class ServerFault(ProblemError):
    """Something we did not foresee; the log has it."""

    status = 500
    code = "server_error"
    title = "Something went wrong on our side"
