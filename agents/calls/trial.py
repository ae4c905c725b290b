"""Trying a tool or an agent by hand, outside of any run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings

from agents.calls.agents import call_agent
from agents.calls.context import Answer, CallContext
from agents.calls.limits import refuse_beyond
from agents.calls.tools import call_tool
from agents.catalogue.saving import snapshot_of
from agents.models import Agent, Tool
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.errors import FieldError, InvalidInput, ProblemError
from controlplane.domain.failures import Failure


class CallFailed(ProblemError):
    """The call was made, or tried, and failed; `code` is the failure's kind, `context` its detail."""

    status = 502
    title = "The call failed"


def trial_of_tool(tool: Tool, input: Any, token: CancelToken | None = None) -> tuple[Answer, int]:
    """The tool's real answer and the milliseconds it took. Raises InvalidInput, CallFailed, TooManyCalls."""
    refuse_beyond(tool)
    return _timed(lambda context: call_tool(snapshot_of(tool), input, context), tool, token)


def trial_of_agent(agent: Agent, input: Any, token: CancelToken | None = None) -> tuple[Answer, int]:
    """The agent's real answer and the milliseconds it took. Raises InvalidInput, CallFailed."""
    names = agent.config.get("tools", [])
    rows = Tool.objects.filter(project_id=agent.project_id, name__in=names, enabled=True)
    tools = {row.name: snapshot_of(row) for row in rows}
    return _timed(lambda context: call_agent(snapshot_of(agent), input, context, tools), agent, token)


def _timed(
    call: Callable[[CallContext], Answer], subject: Tool | Agent, token: CancelToken | None
) -> tuple[Answer, int]:
    # Somebody waits for the answer, so a trial ends sooner than the same call in a run may.
    token = token or CancelToken(timeout_seconds=settings.TRIAL_SECONDS, whose="test")
    context = CallContext(subject.project_id, token, idempotency_key=f"test:{uuid.uuid4()}")
    started = time.monotonic()
    try:
        return call(context), _since(started)
    except Failure as failure:
        raise _problem(failure, _since(started)) from None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _problem(failure: Failure, duration_ms: int) -> ProblemError:
    if failure.kind == "bad_input":
        errors = failure.context.get("errors")
        listed = [FieldError(**one) for one in errors] if isinstance(errors, list) else []
        return InvalidInput(failure.message, errors=listed, code="bad_input")
    return CallFailed(failure.message, code=failure.kind, duration_ms=duration_ms, context=failure.context)
