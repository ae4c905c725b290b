"""Calling a tool as it was configured at one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from agents.calls.context import Answer, CallContext, only_safe_failures
from agents.calls.functions import call_function
from agents.calls.http import call_http
from agents.calls.schemas import check_input, check_output
from agents.calls.sql import call_sql
from agents.catalogue.secret_references import revealed
from agents.models import ToolKind

Call = Callable[[Mapping[str, Any], Mapping[str, Any], CallContext], tuple[Any, Any]]
KINDS: dict[str, Call] = {"http": call_http, "function": call_function, "sql": call_sql}


def call_tool(snapshot: Mapping[str, Any], input: Any, context: CallContext) -> Answer:
    """Call a tool; `snapshot` is that of its Revision, `input` must fit its input schema.

    Raises a `Failure`: `bad_input`, `bad_output`, `misconfigured`, `function_error`, or one of the outbound client or
    the database clients. Secrets are filled in here and appear nowhere in answer, failure or log.
    """
    schema = snapshot.get("input_schema") or {}
    check_input({"type": "object", **schema}, input)
    answer = called(snapshot, input, context, whose="tool")
    check_output(snapshot.get("output_schema") or {}, answer.output)
    return answer


def may_repeat(snapshot: Mapping[str, Any]) -> bool:
    """Whether calling the tool or agent twice with the same key does no harm. SQL can only read."""
    return bool(snapshot.get("idempotent")) or snapshot.get("kind") == ToolKind.SQL


def called(snapshot: Mapping[str, Any], input: Mapping[str, Any], context: CallContext, *, whose: str) -> Answer:
    """The call itself, within the snapshot's time limit, which is the tool's or the agent's."""
    config, secrets = revealed(context.project_id, snapshot["config"])
    limited = context.hiding(secrets).limited(snapshot["timeout_seconds"], whose)
    with limited as inner, only_safe_failures(inner.redactor):
        output, request = KINDS[snapshot["kind"]](config, input, inner)
        cost = Decimal(str(snapshot.get("cost_usd", 0)))
        return Answer(inner.redactor.json(output), displayed(request, inner), cost)


def displayed(request: Any, context: CallContext) -> Any:
    """The request without secrets, as it is stored and shown."""
    safe = context.redactor.json(request)
    if isinstance(safe, dict) and isinstance(request.get("headers"), dict):
        return {**safe, "headers": context.redactor.headers(request["headers"])}
    return safe
