"""The tools of a model: our tools, called as our tools, and no others."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from agents.calls.context import CallContext
from agents.calls.ledger import Ledger
from agents.calls.limits import wait_for_turn
from agents.calls.tools import call_tool, may_repeat
from controlplane.domain.failures import Failure

SHOWN = 500
ZERO = Decimal(0)


@dataclass
class ToolBox:
    """Calls the tools that `tools` maps from name to snapshot; remembers each call and its cost.

    `acted` becomes true once a call that must not be repeated has, or may have, done its work.
    """

    tools: Mapping[str, Mapping[str, Any]]
    ledger: Ledger
    context: CallContext
    calls: list[dict[str, Any]] = field(default_factory=list)
    failure: Failure | None = None
    acted: bool = False
    _same: Counter[str] = field(default_factory=Counter)

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """The tool's output, or `{"error": …}` for the model to read.

        Raises a Failure that ends the run: a limit, a cancel, the deadline, or a call that must not be repeated and
        whose outcome is unknown. The first one is kept in `failure`.
        """
        try:
            self._check()
            return self._call(name, arguments)
        except Failure as failure:
            self.failure = self.failure or failure
            raise

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.context.token.check()
        self.ledger.check_money()

    def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        snapshot = self.tools[name]
        self.context.log("info", f"Tool {name} called with {_short(arguments)}")
        started = time.monotonic()
        try:
            wait_for_turn(self.context.project_id, name, self.context.token)
            answer = call_tool(snapshot, arguments, self._context_for(name, arguments))
        except Failure as failure:
            self._note(name, arguments, failure.kind, started)
            self.context.log("warning", f"Tool {name} failed: {failure.message}")
            self.acted = self.acted or (failure.acted and not may_repeat(snapshot))
            if self._ends_the_run(failure, snapshot):
                raise
            return {"error": {"type": failure.kind, "message": failure.message}}
        self.acted = self.acted or not may_repeat(snapshot)
        self.ledger.cost_usd += answer.cost_usd
        self._note(name, arguments, "succeeded", started, answer.cost_usd)
        self.context.log("info", f"Tool {name} answered {_short(answer.output)}")
        return answer.output

    def _ends_the_run(self, failure: Failure, snapshot: Mapping[str, Any]) -> bool:
        self.context.token.check()
        return failure.kind == "cancelled" or (failure.leaves_doubt and not may_repeat(snapshot))

    def _context_for(self, name: str, arguments: dict[str, Any]) -> CallContext:
        """The same call in a later attempt of the step gets the same key; another call gets another."""
        what = json.dumps([name, arguments], sort_keys=True)
        self._same[what] += 1
        digest = hashlib.sha256(f"{what}{self._same[what]}".encode()).hexdigest()[:16]
        return replace(self.context, idempotency_key=f"{self.context.idempotency_key}:{digest}")

    def _note(self, name: str, arguments: dict[str, Any], outcome: str, started: float, cost: Decimal = ZERO) -> None:
        took = {"duration_ms": round((time.monotonic() - started) * 1000), "cost_usd": str(cost)}
        self.calls.append({"tool": name, "input": arguments, "outcome": outcome, **took})


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
