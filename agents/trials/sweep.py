"""Every second: ring again for what nobody took, and delete what nobody collected."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from agents.models import Trial
from agents.trials.alive import forgotten, waiting
from agents.trials.bell import wake_worker

RING_AFTER = timedelta(seconds=1)


def tend_trials() -> int:
    """How many waited or were deleted."""
    late = Trial.objects.filter(waiting(), asked_at__lt=Now() - RING_AFTER).count()
    rung = sum(wake_worker() for _ in range(min(late, 10)))
    return rung + Trial.objects.filter(forgotten()).delete()[0]
