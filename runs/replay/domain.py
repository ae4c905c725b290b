"""What a replay would do with each step: take over what it answered, or run it again, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from controlplane.domain import expressions
from controlplane.domain.errors import InvalidInput
from controlplane.domain.expressions import Names
from controlplane.domain.schemas.validator import same_json
from runs.engine.plan import Plan, plan_of_version
from runs.models import Run, StepState
from workflows.kinds import KINDS
from workflows.models import Version, VersionState
from workflows.specification.graph import edges, topological, upstream
from workflows.specification.language import Spec, Step
from workflows.specification.parameters import check_inputs

# What a step may have written under the number of its run, no later step of another run would find.
OF_EACH_RUN = frozenset({"id", "created_at", "created_by", "trigger"})
REUSE, RERUN, INVALID = "reuse", "rerun", "invalid"


@dataclass(frozen=True)
class ReplayDecision:
    """`outcome` is reuse, rerun (chosen, or after what runs again) or invalid (it would be reused, but cannot be)."""

    step: Step
    outcome: str
    reason: str

    @property
    def key(self) -> str:
        return self.step.key


@dataclass(frozen=True)
class Replay:
    """`source` again from the step `start`, following `version` (None: its own test definition) with `inputs`."""

    source: Run
    version: Version | None
    plan: Plan
    inputs: Mapping[str, Any]
    start: str

    @cached_property
    def decisions(self) -> list[ReplayDecision]:
        """Of every step, in the order of the graph."""
        states = dict(self.source.steps.filter(index=None).values_list("key", "state"))
        found: dict[str, ReplayDecision] = {}
        for key in topological(self.plan.spec.steps):
            found[key] = self.decision_on(self.plan.spec.step(key), states, found)
        return list(found.values())

    def decision_on(
        self, step: Step, states: Mapping[str, str], before: Mapping[str, ReplayDecision]
    ) -> ReplayDecision:
        if step.key == self.start:
            return ReplayDecision(step, RERUN, "chosen")
        if self.start in upstream(step.key, self.needs):
            return ReplayDecision(step, RERUN, f"after {self.start}")
        reason = self.reason_against(step, states)
        if reason:
            return ReplayDecision(step, INVALID, reason)
        again = [need for need in step.needs if before[need].outcome != REUSE]
        return ReplayDecision(step, RERUN, f"after {', '.join(again)}") if again else ReplayDecision(step, REUSE, "")

    def reason_against(self, step: Step, states: Mapping[str, str]) -> str:
        """Why what this step answered then does not hold now; empty when it does."""
        state = states.get(step.key)
        if state is None:
            return "it is new in this version"
        if state != StepState.SUCCEEDED:
            return f"it was {StepState(state).label.lower()}"
        if not KINDS[step.kind].reusable:
            return f"a {step.kind} holds for one run only"
        if meaning_of(step) != meaning_of(self.earlier_spec.step(step.key)):
            return "its definition changed"
        names = names_read(step)
        if inputs := read_of(names, "params", self.changed_inputs):
            return f"it reads {', '.join(inputs)}, which changed"
        facts = read_of(names, "run", OF_EACH_RUN)
        return f"it reads run.{facts[0]}, which each run has of its own" if facts else ""

    @property
    def reused(self) -> frozenset[str]:
        return frozenset(decision.key for decision in self.decisions if decision.outcome == REUSE)

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        return edges(self.plan.spec.steps)

    @cached_property
    def earlier_spec(self) -> Spec:
        return plan_of_run(self.source).spec

    @cached_property
    def changed_inputs(self) -> frozenset[str]:
        then, now = self.source.inputs, self.inputs
        names = {*then, *now}
        return frozenset(n for n in names if (n in then) != (n in now) or not same_json(then.get(n), now.get(n)))


def prepare_replay(
    source: Run, *, step: str, inputs: Mapping[str, Any] | None = None, version: int | None = None
) -> Replay:
    """What replaying `source` from `step` means. Without `inputs` and `version`, with those that it had.

    Raises InvalidInput naming the field. Which runs can be replayed, the action says.
    """
    chosen = source.version if version is None else find_released(source, version)
    plan = plan_of_run(source) if chosen is None else plan_of_version(chosen.pk)
    if step not in plan.spec.by_key:
        raise InvalidInput.field("step", f"This version has no step “{step[:63]}”.", "unknown")
    given = source.inputs if inputs is None else inputs
    return Replay(source, chosen, plan, check_inputs(plan.spec.params, given), step)


def replayable_versions(source: Run) -> list[Version]:
    """Every version that was ever released, the newest first, without their texts."""
    rows = source.workflow.versions.exclude(state=VersionState.DRAFT)
    return list(rows.only("pk", "number", "state", "workflow_id").order_by("-number"))


def find_released(source: Run, number: int) -> Version:
    found = source.workflow.versions.exclude(state=VersionState.DRAFT).filter(number=number).first()
    if found is None:
        raise InvalidInput.field("version", f"{source.workflow.name} has no released version {number}.", "unknown")
    return found


def plan_of_run(run: Run) -> Plan:
    if run.version_id is None:
        return Plan(Spec.from_document(run.document))
    return plan_of_version(run.version_id)


def meaning_of(step: Step) -> tuple[Any, ...]:
    """All that decides what a step answers; not how often it is tried, how long it may take or what follows."""
    return (step.uses, repr(step.with_), frozenset(step.needs), step.when, repr(step.foreach), step.run_if)


def names_read(step: Step) -> Names:
    names = expressions.names_in([step.with_, step.foreach])
    return names | expressions.names_used(expressions.bare(step.when)) if step.when else names


def read_of(names: Names, root: str, changed: frozenset[str]) -> list[str]:
    """Those of `changed` that are read under `root`; all of them when it is read as a whole."""
    return sorted(changed if root in names.whole else changed & names.members.get(root, frozenset()))


def likely_start(run: Run) -> str:
    """Where a replay mostly begins: at the first step that did not succeed, else at the first of all.

    Empty for a run without steps, such as one that executed elsewhere.
    """
    states = dict(run.steps.filter(index=None).values_list("key", "state"))
    order = topological(plan_of_run(run).spec.steps)
    return next((key for key in order if states.get(key) != StepState.SUCCEEDED), order[0] if order else "")
