"""The processes that execute steps."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

# So many heartbeats a worker may miss before it counts as silent.
BEATS_UNTIL_STALE = 3

# A worker that is this long gone is forgotten.
WORKERS_KEPT = timedelta(hours=1)


class Worker(models.Model):
    """A process that executes steps. `boot` changes at every start: it tells an earlier life apart."""

    name = models.CharField(max_length=100, unique=True)
    boot = models.CharField(max_length=20)
    # Machine, process and its start: who asks on the same machine can tell whether it still runs.
    life = models.CharField(max_length=200, default="", db_default="")
    queue = models.CharField(max_length=20)
    slots = models.IntegerField()
    busy = models.IntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stale(self) -> bool:
        """Whether it has been silent for too long."""
        silent = timedelta(seconds=settings.ENGINE_HEARTBEAT_SECONDS * BEATS_UNTIL_STALE)
        return self.seen_at < timezone.now() - silent
