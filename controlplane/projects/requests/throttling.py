"""A rate limit that holds across web processes: one atomic counter a caller and minute."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

from controlplane.domain.valkey import key, valkey

logger = logging.getLogger(__name__)


# A counter that takes longer than this is not worth waiting for; one thread finds out, the others go on.
COUNTING_SECONDS = 0.5
TRY_AGAIN_SECONDS = 5.0


def counters() -> Redis:
    return valkey(COUNTING_SECONDS)


class ApiThrottle(BaseThrottle):
    """API_CALLS_PER_MINUTE for a token, a person or (signed out) an address.

    Counts nothing while Valkey is full, away or slow: what must hold then, such as tries of passwords, is counted in
    PostgreSQL.
    """

    window = 60
    away_until = 0.0

    def allow_request(self, request, view) -> bool:
        if getattr(request._request, "errand", None):
            # It was counted when it was asked for the first time.
            return True
        self.limit = settings.API_CALLS_PER_MINUTE
        number, passed = divmod(int(time.time()), self.window)
        self.reset = self.window - passed
        used = self.count(key("calls", self.caller(request), number))
        if used is None:
            return True
        request._request.rate = {"limit": self.limit, "remaining": max(0, self.limit - used), "reset": self.reset}
        return used <= self.limit

    def count(self, counter: str) -> int | None:
        """How often `counter` was counted with this time; None while nothing is counted."""
        if time.monotonic() < ApiThrottle.away_until:
            return None
        ApiThrottle.away_until = 0.0
        try:
            with counters().pipeline(transaction=False) as pipe:
                pipe.incr(counter)
                pipe.expire(counter, self.window * 2)
                return pipe.execute()[0]
        except RedisError:
            ApiThrottle.away_until = time.monotonic() + TRY_AGAIN_SECONDS
            logger.warning("Rate limits are not counted", extra={"action": "throttle_away"})
            return None

    def caller(self, request) -> str:
        token = getattr(request.auth, "prefix", None)
        if token:
            return f"token:{token}"
        return f"user:{request.user.pk}" if request.user.is_authenticated else f"ip:{self.get_ident(request)}"

    def wait(self) -> float:
        return self.reset
