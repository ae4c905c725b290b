"""`query`: one read-only SQL statement on an instance."""

from __future__ import annotations

from agents.calls.sql import query_instance
from agents.models import Instance
from controlplane.domain.failures import Misconfigured
from runs.engine.finish import Outcome
from runs.executors.context import StepContext

MAX_ROWS = 1_000


def execute(context: StepContext) -> Outcome:
    request = context.request
    instance = Instance.objects.filter(
        project_id=context.claimed.project_id, name=request.get("instance"), enabled=True
    ).first()
    if instance is None:
        raise Misconfigured(f"There is no instance “{request.get('instance')}” that is switched on.")
    answer = query_instance(
        instance,
        request["sql"],
        request.get("params") or {},
        int(request.get("max_rows") or MAX_ROWS),
        context.call_context(),
    )
    return Outcome("succeeded", output=answer.output, request=request, cost=answer.cost_usd)
