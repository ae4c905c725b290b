"""What a workflow says: its steps as typed, frozen values, read from a released document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

DEFAULT_MAX_PARALLEL = 10


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is tried, and how long it waits: the backoff grows by `factor` up to `max_seconds`."""

    max_attempts: int = 1
    backoff_seconds: float = 1.0
    factor: float = 2.0
    max_seconds: float = 300.0

    def delay(self, attempt_no: int) -> float:
        """Seconds to wait after attempt `attempt_no` (1 is the first) failed."""
        try:
            return float(min(self.max_seconds, self.backoff_seconds * self.factor ** (attempt_no - 1)))
        except OverflowError:
            return self.max_seconds


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `kind` and `target` are the two halves of `uses`; `target` is empty for `query`, `wait` and for `agent`
    without a name, which is the agent chosen when the run starts. `with_` still holds its templates.

    `foreach` is a template or a literal list, None without one; `timeout_seconds` None means the default of its kind.
    """

    key: str
    uses: str
    kind: str
    target: str
    with_: Any
    needs: tuple[str, ...]
    when: str
    foreach: Any
    max_parallel: int
    on_error: str
    run_if: str
    retry: Retry
    timeout_seconds: float | None
    stage: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Step:
        get, uses = document.get, document["uses"]
        kind, _, target = uses.partition(":")
        when = get("when")
        return cls(
            key=document["key"],
            uses=uses,
            kind=kind,
            target=target,
            with_={} if get("with") is None else document["with"],
            needs=tuple(get("needs") or ()),
            when=when if isinstance(when, str) else "" if when is None else str(when).lower(),
            foreach=get("foreach"),
            max_parallel=get("max_parallel", DEFAULT_MAX_PARALLEL),
            on_error=get("on_error", "fail"),
            run_if=get("run_if", "success"),
            retry=Retry(**document["retry"]) if get("retry") else _ONCE,
            timeout_seconds=get("timeout_seconds"),
            stage=get("stage", ""),
        )

    @property
    def asks_for_agent(self) -> bool:
        """Whether the operator chooses the agent when the run starts."""
        return self.kind == "agent" and not self.target


@dataclass(frozen=True)
class Spec:
    """A whole workflow. `params` is a JSON Schema, `outputs` a template, both perhaps empty."""

    steps: tuple[Step, ...]
    params: Mapping[str, Any]
    outputs: Any
    timeout_seconds: float | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Spec:
        """Read a document that `validate` accepted before. Fast; checks nothing, so cache it by version."""
        return cls(
            steps=tuple(Step.from_document(step) for step in document["steps"]),
            params=document.get("params") or {},
            outputs=document.get("outputs") or {},
            timeout_seconds=document.get("timeout_seconds"),
        )

    @cached_property
    def by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def step(self, key: str) -> Step:
        """The step `key`; KeyError when there is none."""
        return self.by_key[key]

    @property
    def asks_for_agent(self) -> bool:
        return any(step.asks_for_agent for step in self.steps)


_ONCE = Retry()
