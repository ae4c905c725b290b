"""Querying an instance, for query steps and SQL tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.calls.context import Answer, CallContext, only_safe_failures
from agents.databases.query import run_query
from agents.instances.connections import open_instance
from agents.models import Instance
from controlplane.domain.failures import Misconfigured
from controlplane.domain.words import counted

DEFAULT_MAX_ROWS = 1_000


def query_instance(
    instance: Instance, sql: str, params: Mapping[str, Any], max_rows: int, context: CallContext
) -> Answer:
    """Run one reading statement; output is {columns, rows, row_count, truncated, notice, duration_ms}.

    Raises the failures of `agents.databases.query.run_query`, and `Misconfigured` for a disabled instance.
    """
    if not instance.enabled:
        raise Misconfigured(f"The instance {instance.name} is disabled.")
    opened = open_instance(instance)
    context.log("info", f"Querying {instance.name} ({instance.get_engine_display()})")
    context.before_send()
    with only_safe_failures(opened.redactor):
        result = run_query(
            opened.connection,
            sql,
            params,
            token=context.token,
            timeout_seconds=instance.timeout_seconds,
            whose="instance",
            max_rows=max_rows,
        )
    context.log("info", f"{counted(result.row_count, 'rows')} in {result.duration_ms} ms")
    if result.notice:
        context.log("warning", result.notice)
    request = {"instance": instance.name, "sql": sql, "params": dict(params), "max_rows": max_rows}
    return Answer(opened.redactor.json(result.as_dict()), opened.redactor.json(request))


def call_sql(config: Mapping[str, Any], input: Mapping[str, Any], context: CallContext) -> tuple[Any, Any]:
    """Output and request of a SQL tool: its statement with the input as named parameters."""
    instance = Instance.objects.filter(project_id=context.project_id, name=config["instance"]).first()
    if instance is None:
        raise Misconfigured(f"There is no instance {config['instance']} in this project.")
    answer = query_instance(instance, config["sql"], input, config.get("max_rows", DEFAULT_MAX_ROWS), context)
    return answer.output, answer.request
