"""`manage.py sweeper`: sweep every second until told to stop. Any number may run."""

from __future__ import annotations

import logging
import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from controlplane.domain.database import DATABASE_AWAY
from controlplane.embedded.reloading import follow_sources
from controlplane.portal.sweeping import Timetable, sweep

logger = logging.getLogger(__name__)
EVERY_SECONDS = 1.0


class Command(BaseCommand):
    help = "Take back lost work, release timers, time out runs, ring again and tidy up, every second."
    # `check` does this; here it would only cost time and load every page at each start.
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        timetable = Timetable()
        if settings.DEBUG:
            follow_sources()
        while not stopping.is_set():
            try:
                touched = {part: count for part, count in sweep(timetable.due()).items() if count}
                if touched:
                    logger.info("Swept", extra={"action": "swept", **touched})
            except DATABASE_AWAY as error:
                logger.warning("The sweep waits for the database", extra={"action": "sweep_waits", "error": str(error)})
            finally:
                connection.close()
            stopping.wait(EVERY_SECONDS)
