"""What the panel of one step shows, beside the timeline or as a page of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone

from controlplane.ui.request import PortalRequest
from runs import actions
from runs.engine.outputs import REFERENCE
from runs.forms import SignalForm
from runs.models import ReviewOutcome, Run, StepRun, StepState
from workflows.kinds import kind_of


@dataclass
class StepPanel:
    step: StepRun
    request: PortalRequest
    signal_form: SignalForm = field(default_factory=SignalForm)

    @property
    def run(self) -> Run:
        return self.step.run

    @property
    def url(self) -> str:
        return self.make_url("step")

    @property
    def review_url(self) -> str:
        return self.make_url("review")

    @property
    def review_outcomes(self) -> list[tuple[str, str]]:
        return ReviewOutcome.choices

    def make_url(self, name: str) -> str:
        kwargs = {"project": self.request.project.slug, "pk": self.run.pk, "step_pk": self.step.pk}
        return reverse(f"runs:{name}", kwargs=kwargs)

    @cached_property
    def may_review(self) -> bool:
        return actions.resolve_step.allowed(self.step, self.request.member) is None

    @property
    def signal_url(self) -> str:
        return self.make_url("signal")

    @cached_property
    def may_signal(self) -> bool:
        return bool(self.step.waits_for) and actions.send_signal.allowed(self.step, self.request.member) is None

    @cached_property
    def attempts(self) -> list[Any]:
        return list(self.step.attempts.all())

    @property
    def stored_output(self) -> dict[str, Any] | None:
        """The reference, when the output is an artifact."""
        output = self.step.output
        return output if isinstance(output, dict) and REFERENCE in output else None

    @property
    def artifact_url(self) -> str:
        stored = self.stored_output or {}
        kwargs = {"project": self.request.project.slug, "pk": self.run.pk, "artifact_pk": stored[REFERENCE]}
        return reverse("runs:artifact", kwargs=kwargs)

    @property
    def used_url(self) -> str:
        """The page of the tool, agent or workflow that the step uses; nothing when it is gone or is no such thing."""
        kind, name = kind_of(self.step.uses), self.step.uses.partition(":")[2]
        if kind is None or kind.target is None or not name:
            return ""
        found = kind.target.rows_in(self.run.project_id).filter(name=name).values_list("pk", flat=True).first()
        return reverse(kind.target.page, kwargs={"project": self.request.project.slug, "pk": found}) if found else ""

    @property
    def logs_url(self) -> str:
        kwargs = {"project": self.request.project.slug, "pk": self.run.pk, "tab": "logs"}
        return f"{reverse('runs:tab', kwargs=kwargs)}?step={self.step.pk}"

    @property
    def children(self) -> list[Run]:
        return list(self.step.children.filter(parent_run=self.run).only("pk", "state", "attention_since"))

    @property
    def waits_until(self) -> datetime | None:
        due = self.step.due_at
        waits = self.step.state in {StepState.WAITING, StepState.RETRYING}
        return due if waits and due and due > timezone.now() else None
