"""How a call to the outside fails. Each kind is stable: workflows and filters name it."""

from __future__ import annotations

from controlplane.domain.failures import Failure


class UrlRefused(Failure):
    """The URL itself is not acceptable: another scheme, a user name in it, no host."""

    kind = "url_refused"
    retryable = False


class AddressRefused(Failure):
    """The host resolves to an address that must not be reached. Nothing was sent."""

    kind = "address_refused"
    retryable = False


class NameNotResolved(Failure):
    """Nothing was sent."""

    kind = "name_not_resolved"


class ConnectionFailed(Failure):
    """No connection came about, or TLS failed. No byte of the request was sent."""

    kind = "connection_failed"


class ConnectionLost(Failure):
    """The connection broke after the request left; the server may have acted on it."""

    kind = "connection_lost"


class RedirectRefused(Failure):
    """To more places than asked for, or where none was expected; the request has been answered once."""

    kind = "redirect_refused"
    retryable = False


class BadResponse(Failure):
    """The answer breaks HTTP or its own content type, or holds what cannot be stored."""

    kind = "bad_response"
    retryable = False


class ResponseTooLarge(Failure):
    """The request was carried out; its answer was not read to the end. `context` has max_bytes."""

    kind = "response_too_large"
    retryable = False


class HttpStatus(Failure):
    """The server answered 400 or above; `context` has status, body_excerpt, retry_after (seconds or None)."""

    kind = "http_status"
