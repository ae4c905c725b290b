"""How often the same part is rendered anew, by how much of this process all such work takes."""

from __future__ import annotations

import threading
import time

LEAST_SECONDS, MOST_SECONDS = 0.5, 10.0
# The part of a process that watching may take, as long as MOST_SECONDS are not reached. Several share the same work.
SHARE = 0.5
# What was not rendered for so long is not watched any more.
FORGET_SECONDS = 15.0
# How much the newest rendering counts against those before.
WEIGHT = 0.3


class Pace:
    def __init__(self) -> None:
        self.costs: dict[str, tuple[float, float]] = {}
        self.lock = threading.Lock()

    def took(self, key: str, seconds: float) -> None:
        now = time.monotonic()
        with self.lock:
            known = self.costs.get(key)
            cost = seconds if known is None else WEIGHT * seconds + (1 - WEIGHT) * known[1]
            self.costs[key] = (now, cost)
            for gone in [one for one, (at, _) in self.costs.items() if now - at > FORGET_SECONDS]:
                del self.costs[gone]

    @property
    def seconds(self) -> float:
        """An entry younger than this is good enough."""
        with self.lock:
            together = sum(cost for _, cost in self.costs.values())
        return min(MOST_SECONDS, max(LEAST_SECONDS, together / SHARE))


pace = Pace()
