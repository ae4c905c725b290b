"""A rate limit that holds across web processes: one atomic counter a caller and minute."""

from __future__ import annotations

import logging
import time
from functools import cache

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)


@cache
def counters() -> Redis:
    """One client a process, for all threads. Django's cache connects anew for each, and a request has its own."""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


class ApiThrottle(BaseThrottle):
    """API_CALLS_PER_MINUTE for a token, a person or (signed out) an address. Counts nothing while Valkey is away."""

    window = 60

    def allow_request(self, request, view) -> bool:
        self.limit = settings.API_CALLS_PER_MINUTE
        number, passed = divmod(int(time.time()), self.window)
        self.reset = self.window - passed
        key = f"{settings.REDIS_PREFIX}calls:{self.caller(request)}:{number}"
        try:
            with counters().pipeline(transaction=False) as pipe:
                pipe.incr(key)
                pipe.expire(key, self.window * 2)
                used = pipe.execute()[0]
        except RedisError:
            logger.warning("Rate limits are not counted", extra={"action": "throttle_away"})
            return True
        request._request.rate = {"limit": self.limit, "remaining": max(0, self.limit - used), "reset": self.reset}
        return used <= self.limit

    def caller(self, request) -> str:
        token = getattr(request.auth, "prefix", None)
        if token:
            return f"token:{token}"
        return f"user:{request.user.pk}" if request.user.is_authenticated else f"ip:{self.get_ident(request)}"

    def wait(self) -> float:
        return self.reset
