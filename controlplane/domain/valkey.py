"""Valkey for short questions, such as counters and marks: it may lose everything, and nobody waits long for it."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def valkey(seconds: float) -> Redis:
    """One client a process and limit, for all threads. Raises RedisError after `seconds`.

    Redis-py by itself tries four times, for many seconds.
    """
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    return Redis.from_url(settings.REDIS_URL, **limits, retry=Retry(NoBackoff(), 0), decode_responses=True)


def key(*parts: object) -> str:
    """A name of ours: `sparkops:calls:7`."""
    return settings.REDIS_PREFIX + ":".join(map(str, parts))
