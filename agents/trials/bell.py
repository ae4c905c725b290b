"""A list in Valkey that wakes a worker. It says that something waits, not what; it may lose everything."""

from __future__ import annotations

import logging
from functools import cache

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
MOST, SECONDS = 50, 30


def key() -> str:
    return f"{settings.REDIS_PREFIX}trials"


@cache
def client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def wake_worker() -> bool:
    """Wake one worker. False when Valkey does not answer: the sweep rings again."""
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.rpush(key(), 1)
            pipe.ltrim(key(), -MOST, -1)
            pipe.expire(key(), SECONDS)
            pipe.execute()
        return True
    except RedisError as error:
        logger.warning("A bell for a trial was lost", extra={"action": "bell_lost", "error": str(error)})
        return False


class Ear:
    """A worker's connection for hearing the bell."""

    def __init__(self, longest: float) -> None:
        self.redis = Redis.from_url(settings.REDIS_URL, socket_timeout=longest + 2, socket_connect_timeout=2)

    def heard(self, seconds: float) -> bool:
        """Wait for the bell. Raises RedisError when it cannot be heard."""
        return self.redis.blpop([key()], timeout=seconds) is not None
