"""Probes of tools and agents where people switched them on: who is due, what was found, what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from agents import events
from agents.calls.probe import probe
from agents.models import Agent, Tool
from controlplane.domain.queueing import send_task
from controlplane.domain.recording import record
from controlplane.projects.tenants.actors import SYSTEM

EVERY = timedelta(seconds=30)
# An answer older than this says nothing about now: the probes themselves do not run.
STALE_AFTER = timedelta(seconds=120)
MODELS: dict[str, type[Tool] | type[Agent]] = {"tool": Tool, "agent": Agent}
CHANGED = {"tool": events.TOOL_HEALTH_CHANGED, "agent": events.AGENT_HEALTH_CHANGED}


def ask_due_probes() -> int:
    """One message for each tool and agent whose turn it is, whoever else sweeps. Returns how many."""
    return sum(ask_due(kind, model) for kind, model in MODELS.items())


def ask_due(kind: str, model: type[Tool] | type[Agent]) -> int:
    """Where workers are busy, one message waits for them, not one for each half minute."""
    answered = Q(checked_at__gte=F("probe_asked_at"), probe_asked_at__lt=Now() - EVERY)
    due = Q(probe_asked_at=None) | answered | Q(probe_asked_at__lt=Now() - STALE_AFTER)
    rung = 0
    for pk in model.objects.filter(due, probed=True, enabled=True).values_list("pk", flat=True):
        # Who moves the mark rings; a second sweeper finds it moved.
        if model.objects.filter(due, pk=pk, probed=True).update(probe_asked_at=Now()):
            rung += send_task("agents.tasks.probe", kind, pk)
    return rung


def probe_now(kind: str, pk: int) -> None:
    """Probe now and keep what was found, unless that was done since it was asked for.

    An event says when the answer is another one than before.
    """
    open_question = Q(probe_asked_at=None) | Q(checked_at=None) | Q(checked_at__lt=F("probe_asked_at"))
    subject = MODELS[kind].objects.select_related("project").filter(open_question, pk=pk, probed=True).first()
    if subject is None:
        return
    record_report(kind, subject, probe(subject))


def record_report(kind: str, subject: Tool | Agent, report: dict[str, Any]) -> None:
    """`report` as `probe` made it. An event is written only where `ok` changed."""
    with transaction.atomic():
        rows = MODELS[kind].objects.filter(pk=subject.pk, probed=True)
        before = rows.select_for_update().values_list("check_report", flat=True).first()
        if not rows.update(checked_at=Now(), check_report=report):
            return
        if before is None or before["ok"] != report["ok"]:
            said = {"name": subject.name, "ok": report["ok"], "problems": report["problems"]}
            record(CHANGED[kind], subject, by=SYSTEM, **said)


def health_of(subject: Tool | Agent) -> dict[str, Any]:
    """{state, probed, checked_at, age_seconds, latency_ms, how, problems}; state is healthy, unhealthy or unknown."""
    report = subject.check_report or {}
    age = None if subject.checked_at is None else timezone.now() - subject.checked_at
    known = subject.probed and age is not None and age < STALE_AFTER
    return {
        "state": ("healthy" if report.get("ok") else "unhealthy") if known else "unknown",
        "probed": subject.probed,
        "checked_at": subject.checked_at,
        "age_seconds": None if age is None else round(age.total_seconds()),
        "latency_ms": report.get("latency_ms"),
        "how": report.get("how", ""),
        "problems": report.get("problems", []),
    }
