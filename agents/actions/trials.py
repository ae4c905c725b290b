"""Try a tool, an agent or an instance for real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import events
from agents.calls.context import Answer
from agents.calls.trial import CallFailed, trial_of_agent, trial_of_tool
from agents.instances import connections
from agents.models import Agent, Instance, Tool
from controlplane.domain.action import Actor, action
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.recording import record


@action(label="Test", role="operator", icon="play", atomic=False)
def try_tool(tool: Tool, *, input: Any, by: Actor, token: CancelToken | None = None) -> tuple[Answer, int]:
    """Call the tool for real and return its answer and the milliseconds it took. Raises CallFailed, InvalidInput.

    It waits for others, so a request asks a worker for it (`agents/trials/asking.py`).
    """
    return _try(tool, lambda: trial_of_tool(tool, input, token), events.TOOL_TESTED, by)


@action(label="Test", role="operator", icon="play", atomic=False)
def try_agent(agent: Agent, *, input: Any, by: Actor, token: CancelToken | None = None) -> tuple[Answer, int]:
    """As `try_tool`. A model's tool calls and costs are real."""
    return _try(agent, lambda: trial_of_agent(agent, input, token), events.AGENT_TESTED, by)


@action(label="Test", role="operator", icon="refresh", atomic=False)
def try_instance(instance: Instance, *, by: Actor, token: CancelToken | None = None) -> dict[str, Any]:
    """Connect and look: {ok, problems, server_version, latency_ms, tables}, kept as the instance's health."""
    report = connections.looked_at(instance, token)
    instance.checked_at, instance.check_report = timezone.now(), report
    with transaction.atomic():
        rows = Instance.objects.filter(pk=instance.pk)
        rows.update(checked_at=instance.checked_at, check_report=report)
        record(events.INSTANCE_TESTED, instance, by=by, name=instance.name, ok=report["ok"])
    return report


def _try(row: Any, attempt: Callable[[], tuple[Answer, int]], event: str, by: Actor) -> tuple[Answer, int]:
    try:
        answer, duration_ms = attempt()
    except CallFailed as failure:
        record(event, row, by=by, name=row.name, outcome=failure.code)
        raise
    record(event, row, by=by, name=row.name, outcome="succeeded")
    return answer, duration_ms
