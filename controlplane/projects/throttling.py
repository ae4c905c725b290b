"""A rate limit that holds across web processes: one atomic counter a caller and minute."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)


class ApiThrottle(BaseThrottle):
    """API_CALLS_PER_MINUTE for a token, a person or (signed out) an address. Counts nothing while Valkey is away."""

    window = 60

    def allow_request(self, request, view) -> bool:
        self.limit = settings.API_CALLS_PER_MINUTE
        self.reset = self.window - int(time.time()) % self.window
        key = f"calls:{self.caller(request)}:{int(time.time()) // self.window}"
        try:
            cache.add(key, 0, timeout=self.window * 2)
            used = cache.incr(key)
        except (RedisError, ValueError):
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
