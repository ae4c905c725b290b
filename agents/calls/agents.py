"""Calling an agent as it was configured at one version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.calls.context import Answer, CallContext
from agents.calls.schemas import check_input
from agents.calls.tools import called
from controlplane.domain.database import lend_connection


def call_agent(
    snapshot: Mapping[str, Any], input: Any, context: CallContext, tools: Mapping[str, Mapping[str, Any]]
) -> Answer:
    """Let an agent work on `input`, a JSON object with `prompt` (text), `input` (anything) or both.

    `tools` maps the names of the tools it may use to their snapshots. Raises a `Failure`; for models also
    `step_limit`, `cost_limit` and `model_error`, with cost and tokens so far in the context.
    """
    check_input({"type": "object"}, input)
    if snapshot["kind"] == "llm":
        # The model library takes a second and 60 MB to load: only for processes that talk to models.
        lend_connection()
        from agents.calls.llm import call_model

        return call_model(snapshot, input, context, tools)
    return called(snapshot, input, context, whose="agent")
