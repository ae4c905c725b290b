"""A specification prepared for running: parsed once for each version and kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from controlplane.domain import expressions
from controlplane.domain.expressions import Names
from runs.engine.sql import the_one
from workflows.specification.graph import dependents
from workflows.specification.language import Spec, Step


@dataclass(frozen=True)
class Plan:
    spec: Spec

    @cached_property
    def dependents(self) -> dict[str, tuple[str, ...]]:
        return dependents(self.spec.steps)

    @cached_property
    def _opening(self) -> dict[str, frozenset[str]]:
        return {step.key: steps_read(step.when, step.foreach) for step in self.spec.steps}

    @cached_property
    def _rendering(self) -> dict[str, frozenset[str]]:
        return {step.key: steps_read("", step.with_) for step in self.spec.steps}

    @cached_property
    def read_by_outputs(self) -> frozenset[str]:
        return steps_read("", self.spec.outputs)

    def read_by_opening(self, step: Step) -> frozenset[str]:
        """Keys of the steps whose outputs decide whether and over what `step` runs."""
        return self._opening[step.key]

    def read_by_request(self, step: Step) -> frozenset[str]:
        """Keys of the steps whose outputs go into what `step` is called with."""
        return self._rendering[step.key]


def steps_read(condition: str, value: Any) -> frozenset[str]:
    """Keys of the steps whose outputs `condition` (empty: none) and the templates in `value` read."""
    names: Names = expressions.names_in(value)
    if condition:
        names = names | expressions.names_used(expressions.bare(condition))
    return names.steps


@lru_cache(maxsize=512)
def plan_of_version(version_id: int) -> Plan:
    """The plan of a released version, which never changes."""
    row = the_one("SELECT document FROM workflows_version WHERE id = %(id)s", {"id": version_id})
    return Plan(Spec.from_document(row["document"]))


@lru_cache(maxsize=64)
def plan_of_test_run(run_id: int) -> Plan:
    """Of the definition that the run itself carries. Raises IndexError when there is no such run."""
    row = the_one("SELECT definition FROM runs_run WHERE id = %(id)s", {"id": run_id})
    return Plan(Spec.from_document(row["definition"]))


def plan_for(run_id: int, version_id: int | None) -> Plan:
    """`version_id` is None for a test run, which has a definition of its own."""
    return plan_of_test_run(run_id) if version_id is None else plan_of_version(version_id)
