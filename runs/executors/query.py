"""`query`: one read-only SQL statement on an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.calls.sql import query_instance
from agents.models import Instance
from controlplane.domain.failures import Misconfigured
from runs.engine.outcome import Outcome
from runs.executors.context import StepContext

MAX_ROWS = 1_000


def execute(context: StepContext) -> Outcome:
    request = context.request
    name = request.get("instance")
    instance = Instance.objects.filter(project_id=context.claimed.project_id, name=str(name), enabled=True).first()
    if instance is None:
        raise Misconfigured(f"There is no instance “{name}” that is switched on.")
    calling = context.call_context(repeatable=context.kind.pure)
    answer = query_instance(instance, request["sql"], params_of(request), max_rows_of(request), calling)
    return Outcome("succeeded", output=answer.output, request=answer.request, cost=answer.cost_usd)


def params_of(request: Mapping[str, Any]) -> dict[str, Any]:
    params = request.get("params") or {}
    if not isinstance(params, dict):
        raise Misconfigured("The params of a query are one object: a value for each :name.")
    return params


def max_rows_of(request: Mapping[str, Any]) -> int:
    wanted = request.get("max_rows") or MAX_ROWS
    if isinstance(wanted, float) and wanted.is_integer():
        wanted = int(wanted)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise Misconfigured(f"max_rows is a whole number above 0, not {str(wanted)[:50]}.")
    return wanted
