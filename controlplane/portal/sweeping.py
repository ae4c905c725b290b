"""The sweep: what every app does once a second for what was lost, is late or due, whoever else sweeps."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from controlplane.domain.database import is_away
from controlplane.portal.descriptor import Sweep
from controlplane.portal.registry import load, sweeps

logger = logging.getLogger(__name__)


class Timetable:
    """When this process did each part the last time."""

    def __init__(self) -> None:
        self.next: dict[str, float] = {}

    def due(self) -> list[Sweep]:
        """The parts whose time has come; they are taken for done."""
        now = time.monotonic()
        parts = [part for part in sweeps.values() if self.next.get(part.name, now) <= now]
        # A part of every second is due with every pass, however long the pass before it took.
        self.next |= {part.name: now + part.seconds for part in parts if part.seconds > 1}
        return parts


def sweep(parts: Iterable[Sweep] | None = None) -> dict[str, int]:
    """One pass over `parts`, or all. Returns how many rows each touched."""
    return {part.name: isolated(part) for part in (sweeps.values() if parts is None else parts)}


def isolated(part: Sweep) -> int:
    """What one part touched. One that breaks must not keep the sweep from the others."""
    try:
        return load(part.work)()
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("A part of the sweep broke", extra={"action": "sweep_part_broke", "part": part.name})
        return 0
