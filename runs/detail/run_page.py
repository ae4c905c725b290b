"""What the pages of a run show: asked for lazily by the templates, each part with its own few queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.urls import reverse

from controlplane.domain.action import AnyAction, foresee
from controlplane.events.models import Event
from controlplane.ui.request import PortalRequest
from runs import actions
from runs.compare.domain import last_success_before, went_wrong
from runs.detail.step_graph import Graph, graph_of_run
from runs.detail.step_panel import StepPanel
from runs.engine.logs import LEVELS
from runs.models import PauseCause, Run, StepRun, StepState, Trigger
from runs.queries import steps_of

TABS = ("steps", "logs", "data", "cost", "events", "artifacts")
TAB_LABELS = {"steps": "Steps", "logs": "Logs", "data": "Inputs and outputs", "cost": "Cost",
              "events": "Events", "artifacts": "Artifacts"}  # fmt: skip
VERBS = (actions.pause_run, actions.resume_run, actions.cancel_run, actions.retry_run, actions.replay_run)
# Rows of a fan-out beyond this are shown on demand.
ROWS_SHOWN = 300
EVENTS_SHOWN = 500


@dataclass(frozen=True)
class Button:
    """`target` is the part of the page that its answer takes the place of; without one it leads to another page."""

    action: AnyAction
    url: str
    target: str = "#run-summary"


@dataclass(frozen=True)
class Bar:
    """A piece of a step's row, in milliseconds since the run was created; `end` None grows. `state` of an attempt."""

    kind: str
    start: int
    end: int | None
    state: str = ""


@dataclass(frozen=True)
class Row:
    step: StepRun
    url: str
    bars: list[Bar]


@dataclass
class RunPage:
    run: Run
    request: PortalRequest
    tab: str = "steps"

    def url(self, view: str, /, **kwargs: Any) -> str:
        return reverse(f"runs:{view}", kwargs={"project": self.request.project.slug, "pk": self.run.pk, **kwargs})

    @property
    def detail_url(self) -> str:
        return self.url("detail")

    @property
    def tabs(self) -> list[dict[str, Any]]:
        return [
            {
                "label": TAB_LABELS[tab],
                "url": self.detail_url if tab == "steps" else self.url("tab", tab=tab),
                "current": tab == self.tab,
            }
            for tab in TABS
        ]

    @property
    def levels(self) -> tuple[str, ...]:
        return LEVELS

    @property
    def socket_url(self) -> str:
        return f"/ws/runs/{self.run.pk}"

    @property
    def summary_url(self) -> str:
        return self.url("part", name="summary")

    @property
    def timeline_url(self) -> str:
        return self.url("part", name="timeline")

    @property
    def graph_url(self) -> str:
        return self.url("part", name="graph")

    @property
    def chosen_url(self) -> str:
        return self.url("part", name="step")

    @property
    def part_url(self) -> str:
        return self.url("part", name=self.tab)

    @property
    def lines_url(self) -> str:
        return self.url("lines")

    @property
    def log_file_url(self) -> str:
        return self.url("log_file")

    @property
    def is_elsewhere(self) -> bool:
        """Whether a script elsewhere executes it and only reports here."""
        return self.run.trigger == Trigger.EXTERNAL

    @cached_property
    def judged(self) -> Run:
        """The run, once it was asked which verbs its state allows."""
        foresee([self.run], *VERBS)
        return self.run

    @property
    def buttons(self) -> list[Button]:
        """The tag leaves out those that the state does not allow or the role does not reach."""
        return [
            Button(actions.pause_run, self.url("control", verb="pause")),
            Button(actions.resume_run, self.url("control", verb="resumption")),
            Button(actions.cancel_run, self.url("control", verb="cancellation")),
            Button(actions.retry_run, self.url("retry"), target=""),
        ]

    @cached_property
    def failed_step_url(self) -> str:
        """The page of the step that the run's error names."""
        key = (self.run.error or {}).get("step")
        pk = self.run.steps.filter(key=key, index=None).values_list("pk", flat=True).first() if key else None
        return self.url("step", step_pk=pk) if pk else ""

    @cached_property
    def reviews(self) -> list[StepRun]:
        return list(self.run.steps.filter(state=StepState.NEEDS_REVIEW).defer("output"))

    @cached_property
    def again_url(self) -> str:
        """The form of a new run, filled in with what this one got; nothing where it cannot be started."""
        run = self.run
        fits = run.is_final and not self.is_elsewhere
        if not fits or actions.start_run.allowed(run.workflow, self.request.member):
            return ""
        new = reverse("runs:new", kwargs={"project": self.request.project.slug})
        return f"{new}?workflow={run.workflow_id}&from={run.pk}"

    @cached_property
    def replay_url(self) -> str:
        """Where a replay is prepared; nothing where none can be started."""
        can = actions.replay_run.allowed(self.judged, self.request.member) is None
        return self.url("replay") if can else ""

    @cached_property
    def last_success_url(self) -> str:
        """This run beside the last one that went well, when this one did not."""
        success = last_success_before(self.run) if went_wrong(self.run) else None
        compare = reverse("runs:compare", kwargs={"project": self.request.project.slug})
        return f"{compare}?ids={success},{self.run.pk}" if success else ""

    @property
    def control_note(self) -> str:
        """Who asked for what and why, while it matters."""
        run = self.run
        asked = "cancel" if run.stop_requested_at else "pause" if run.pause_requested_at else ""
        if not asked or run.pause_cause == PauseCause.REVIEW:
            return ""
        why = f": {run.control_reason}" if run.control_reason else ""
        return f"{run.control_by} asked to {asked}{why}"

    @cached_property
    def timeline(self) -> list[Row]:
        steps = list(steps_of(self.run)[: ROWS_SHOWN + 1])
        return [Row(step, self.url("step", step_pk=step.pk), list(self.bars(step))) for step in steps[:ROWS_SHOWN]]

    @cached_property
    def chosen(self) -> StepPanel | None:
        """The step to open with: what wants attention, else what runs, else what came last."""
        steps = [row.step for row in self.timeline]
        for state in (StepState.NEEDS_REVIEW, StepState.FAILED, StepState.RUNNING):
            found = [step for step in steps if step.state == state]
            if found:
                return StepPanel(found[0], self.request)
        begun = [step for step in steps if step.started_at] or steps[:1]
        return StepPanel(begun[-1], self.request) if begun else None

    @cached_property
    def graph(self) -> Graph | None:
        chosen = self.chosen.step.key if self.chosen else ""
        return graph_of_run(self.run, lambda pk: self.url("step", step_pk=pk), chosen=chosen)

    @cached_property
    def hidden_rows(self) -> int:
        return max(0, self.run.steps.count() - ROWS_SHOWN)

    def bars(self, step: StepRun) -> Iterator[Bar]:
        """Waiting before, between and after attempts, and the attempts themselves."""
        before = step.queued_at
        attempts = list(step.attempts.all())
        for attempt in attempts:
            if before and attempt.started_at > before:
                yield Bar("wait", self.since(before), self.since(attempt.started_at))
            yield Bar("attempt", self.since(attempt.started_at), self.until(attempt.ended_at), attempt.state)
            before = attempt.ended_at
        if before and not step.ended_at:
            yield Bar("wait", self.since(before), None)
        elif before and step.ended_at and (step.ended_at - before).total_seconds() > 0.02 and attempts:
            yield Bar("wait", self.since(before), self.since(step.ended_at))
        elif not attempts and step.started_at:
            yield Bar("wait", self.since(step.started_at), self.until(step.ended_at))

    def since(self, moment: datetime) -> int:
        return int((moment - self.run.created_at).total_seconds() * 1000)

    def until(self, moment: datetime | None) -> int | None:
        return None if moment is None else self.since(moment)

    @property
    def axis_end(self) -> datetime | None:
        return self.run.ended_at

    @cached_property
    def costs(self) -> list[StepRun]:
        """The steps that cost something or used tokens."""
        spent = Q(cost_usd__gt=0) | Q(input_tokens__gt=0) | Q(output_tokens__gt=0)
        return list(self.run.steps.filter(spent).defer("request", "output", "item"))

    @cached_property
    def events(self) -> list[tuple[Event, int | None]]:
        """The newest events, newest first, each with ms since the run was created; without the log announcements."""
        rows = Event.objects.filter(subject_kind="run", subject_id=self.run.pk).exclude(type="run.logs")
        return [(event, self.since(event.at)) for event in rows.order_by("-seq")[:EVENTS_SHOWN]]

    @cached_property
    def artifacts(self) -> list[Any]:
        return list(self.run.artifacts.select_related("step"))

    def artifact_url(self, pk: int) -> str:
        return self.url("artifact", artifact_pk=pk)

    @cached_property
    def retries(self) -> list[Run]:
        return list(self.run.retries.only("pk", "state", "trigger", "replayed_from", "created_at").order_by("pk"))

    @cached_property
    def facts(self) -> list[tuple[str, object]]:
        run = self.run
        return [
            ("Environment", run.get_environment_display()),
            ("Trigger", run.get_trigger_display()),
            ("Started by", run.created_by),
            ("Agent", run.agent.name if run.agent else None),
        ]
