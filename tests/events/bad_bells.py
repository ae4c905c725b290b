"""A channel layer that keeps only the promise of channel layers, which is none: it drops 30 % and delays 30 %."""

from __future__ import annotations

import asyncio
import random

from channels_redis.pubsub import RedisPubSubChannelLayer

DROPPED, DELAYED = 0.3, 0.6
LONGEST_DELAY = 1.0


class BadBells(RedisPubSubChannelLayer):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.chance = random.Random(16)

    async def receive(self, channel: str):
        while True:
            message = await self._get_layer().receive(channel)
            draw = self.chance.random()
            if draw < DROPPED:
                continue
            if draw < DELAYED:
                await asyncio.sleep(self.chance.uniform(0, LONGEST_DELAY))
            return message
