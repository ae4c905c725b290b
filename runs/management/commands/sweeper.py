"""`manage.py sweeper`: sweep every second until told to stop. Any number may run."""

from __future__ import annotations

import logging
import signal
import threading
import time

from django.core.management.base import BaseCommand
from django.db import connection

from controlplane.domain.database import DATABASE_AWAY
from runs.engine.sweep import recount_slots, sweep

logger = logging.getLogger(__name__)
EVERY_SECONDS = 1.0
RECOUNT_SECONDS = 10.0


class Command(BaseCommand):
    help = "Take back lost work, release timers, time out runs and ring again, every second."
    # `check` does this; here it would only cost time and load every page at each start.
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        recounted = 0.0
        while not stopping.is_set():
            try:
                touched = {part: count for part, count in sweep().items() if count}
                if touched:
                    logger.info("Swept", extra={"action": "swept", **touched})
                if time.monotonic() - recounted >= RECOUNT_SECONDS:
                    recount_slots()
                    recounted = time.monotonic()
            except DATABASE_AWAY as error:
                logger.warning("The sweep waits for the database", extra={"action": "sweep_waits", "error": str(error)})
            finally:
                connection.close()
            stopping.wait(EVERY_SECONDS)
