"""How a tool or an agent was used over a range: calls, success, latency, tokens and cost, in all and by bucket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.models import Agent, Tool
from controlplane.events.models import utc_text
from runs.figures.measures import CallFigures
from runs.figures.range import Bucket, Range
from runs.figures.series import Group, Series, calls_grouped, calls_of, failures_of_calls
from runs.figures.workflow import ends


@dataclass
class Usage:
    """Of one tool or agent; its `project` comes along with it."""

    subject: Tool | Agent
    range: Range
    tests: bool = False

    @property
    def kind(self) -> str:
        return str(self.subject._meta.model_name)

    @cached_property
    def calls(self) -> Series[CallFigures]:
        return calls_of(self.kind, self.subject.pk, self.range, tests=self.tests)

    @property
    def total(self) -> CallFigures:
        return self.calls.total

    @property
    def by_bucket(self) -> list[tuple[Bucket, CallFigures]]:
        return self.calls.by_bucket

    @cached_property
    def by_workflow(self) -> list[Group]:
        return self.grouped("workflow")

    @cached_property
    def by_agent(self) -> list[Group]:
        """Those whose models called the tool."""
        return self.grouped("agent") if self.kind == "tool" else []

    @cached_property
    def failures(self) -> list[tuple[str, int]]:
        """(kind of failure, calls), the most frequent first."""
        return failures_of_calls(self.kind, self.subject.pk, self.range, tests=self.tests)

    def grouped(self, by: str) -> list[Group]:
        return calls_grouped(by, self.kind, self.subject.pk, self.range, tests=self.tests)

    def as_json(self) -> dict[str, Any]:
        found = {
            "since": utc_text(self.range.since),
            "until": utc_text(self.range.until),
            "time_zone": str(self.range.zone),
            "bucket_seconds": self.range.every.seconds,
            **self.total.as_json(),
            "failures": dict(self.failures),
            "buckets": [{**ends(bucket), **figures.as_json()} for bucket, figures in self.by_bucket],
            "workflows": [group_json(group) for group in self.by_workflow],
        }
        return found if self.kind == "agent" else found | {"agents": [group_json(group) for group in self.by_agent]}


def group_json(group: Group) -> dict[str, Any]:
    return {"id": group.pk, "name": group.name, **group.figures.as_json()}
