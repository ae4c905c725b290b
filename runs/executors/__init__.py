"""What each kind of step does. An executor is a function `(context) -> Outcome`, named for the kind it carries out."""

from __future__ import annotations

from collections.abc import Callable

from runs.engine.outcome import Outcome
from runs.executors import agent, noop, query, tool, transform, wait, workflow
from runs.executors.context import StepContext

EXECUTORS: dict[str, Callable[[StepContext], Outcome]] = {
    "agent": agent.execute,
    "noop": noop.execute,
    "query": query.execute,
    "tool": tool.execute,
    "transform": transform.execute,
    "wait": wait.execute,
    "workflow": workflow.execute,
}
