"""Which trials go on, by the database's clock."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from agents.models import TrialState

BEAT_SECONDS = 0.5
# So long after its time limit a trial has for saying how it ended.
GRACE = timedelta(seconds=5)
KEPT = timedelta(minutes=2)


def lost() -> timedelta:
    """A worker that did not show for so long is gone."""
    return timedelta(seconds=settings.ENGINE_LEASE_SECONDS)


def patience() -> timedelta:
    """How long a trial may wait for a worker."""
    return timedelta(seconds=settings.TRIAL_TAKEN_WITHIN_SECONDS)


def longest() -> timedelta:
    """How long one may take once a worker has it, with what its end needs."""
    return timedelta(seconds=settings.TRIAL_SECONDS) + GRACE


def waiting() -> Q:
    """May still be taken by a worker."""
    return Q(state=TrialState.QUEUED, unwanted=False, asked_at__gt=Now() - patience())


def alive() -> Q:
    """Takes one of the places, also when nobody waits for it any more."""
    return waiting() | Q(state=TrialState.RUNNING, beaten_at__gt=Now() - lost())


def overdue() -> Q:
    return Q(state=TrialState.RUNNING, taken_at__lt=Now() - longest())


def awaited() -> Q:
    """There is something to wait for."""
    return waiting() | (Q(state=TrialState.RUNNING, beaten_at__gt=Now() - lost()) & ~overdue())


def forgotten() -> Q:
    """Those whose answers nobody will collect any more."""
    old = Now() - KEPT
    ended = Q(state=TrialState.DONE, ended_at__lt=old) | Q(state=TrialState.RUNNING, beaten_at__lt=old)
    return ended | Q(state=TrialState.QUEUED, asked_at__lt=old - patience())
