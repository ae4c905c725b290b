"""What the overview shows. Each part is asked for when the template, or the API, wants it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from controlplane.domain.action import foresee
from controlplane.events.models import Event
from controlplane.events.queries import recent
from controlplane.projects.models import Project
from controlplane.ui.formats import duration_text, number_text, percent_text
from runs.actions import retry_run
from runs.figures import charts, live
from runs.figures.live import Progress, StepCount
from runs.figures.measures import RUN_OUTCOMES, Outcomes
from runs.figures.range import WINDOWS, Range, Window
from runs.figures.series import Series, median_of_project, outcomes_of_project
from runs.models import NEEDS_ATTENTION, Run, StepState, Worker

SHOWN = 8
QUEUE = (
    ("Queued", StepState.QUEUED),
    ("Running", StepState.RUNNING),
    ("Waiting", StepState.WAITING),
    ("Retrying", StepState.RETRYING),
    ("Needs attention", StepState.NEEDS_REVIEW),
)

OVERVIEW_WINDOWS = ("6h", "24h", "7d")
DEFAULT_WINDOW = "24h"


@dataclass
class Overview:
    project: Project
    window_name: str = DEFAULT_WINDOW

    @property
    def window(self) -> Window:
        return WINDOWS[self.window_name]

    @property
    def runs(self) -> QuerySet[Run]:
        shown = ("state", "attention_since", "created_at", "started_at", "ended_at", "workflow__name", "created_by",
                 "project_id")  # fmt: skip
        return Run.objects.filter(project=self.project).select_related("workflow").only(*shown)

    @cached_property
    def is_empty(self) -> bool:
        return not Run.objects.filter(project=self.project).exists()

    @cached_property
    def range(self) -> Range:
        return Range.lately(self.window, ZoneInfo(self.project.time_zone))

    @cached_property
    def ended(self) -> Series[Outcomes]:
        """How runs ended in the window, without test runs."""
        return outcomes_of_project(self.project.pk, self.range)

    @cached_property
    def median_ms(self) -> int | None:
        return median_of_project(self.project.pk, self.range)

    @cached_property
    def live(self) -> dict[str, int]:
        return live.live_counts(self.project.pk)

    @cached_property
    def attention(self) -> dict[str, int]:
        """Live run state -> those of them that need attention."""
        return live.attention_counts(self.project.pk)

    def going(self, *states: str) -> int:
        """Live runs in these states that do not need attention."""
        found = sum(self.live[state] for state in states)
        asking = sum(self.attention.get(state, 0) for state in states)
        return found if found > live.MOST_COUNTED else found - asking

    @cached_property
    def steps(self) -> dict[str, StepCount]:
        return live.step_counts(self.project.pk)

    @cached_property
    def running(self) -> list[Progress]:
        return live.running_now(self.runs, SHOWN)

    @cached_property
    def failures(self) -> list[Run]:
        rows = Run.objects.filter(project=self.project).select_related("project", "workflow")
        shown = ("state", "attention_since", "ended_at", "error", "project__slug", "workflow__name")
        found = live.went_wrong(rows.only(*shown), SHOWN)
        foresee(found, retry_run)
        return found

    @cached_property
    def workers(self) -> list[Worker]:
        return live.known_workers()

    @property
    def activity(self) -> list[Event]:
        """What people did and how runs ended."""
        return recent([self.project.pk], limit=SHOWN)

    @property
    def throughput(self) -> dict[str, Any]:
        return charts.outcomes(self.ended, RUN_OUTCOMES)

    @property
    def success(self) -> dict[str, Any]:
        return charts.success(self.ended)

    def tiles(self) -> Iterator[dict[str, str]]:
        """Label, value, note, icon and tone of each figure at the top; `status` is the run list's filter."""
        ended, asking, lately = self.ended.total, sum(self.attention.values()), f"last {self.window.label}"
        held = self.going("paused", "waiting_approval")
        yield tile("Running", counted(self.going("running", "stopping")), f"{counted(held)} waiting", "run",
                   "info", "running,stopping")  # fmt: skip
        yield tile("Needs attention", counted(asking), "go on once a person acts", "alert",
                   "warning" if asking else "", NEEDS_ATTENTION)  # fmt: skip
        yield tile("Queued", counted(self.live["queued"]), "runs not begun yet", "clock", "", "queued")
        yield tile("Failed", counted(ended.failed), lately, "circle-x", "danger" if ended.failed else "",
                   "failed,timed_out")  # fmt: skip
        of = f"of {number_text(ended.runs)} ended, {lately}"
        yield tile("Success", percent_text(ended.success_rate), of, "circle-check", "success")
        yield tile("Median duration", duration_text(self.median_ms), lately, "hourglass")

    def queue(self) -> list[tuple[str, str, str, datetime | None]]:
        """State, label, count and since when, of the steps that are not done."""
        found = [(state, label, self.steps.get(state, live.StepCount())) for label, state in QUEUE]
        return [(str(state), label, counted(steps.count), steps.oldest) for state, label, steps in found]


def tile(label: str, value: str, note: str, icon: str, tone: str = "", status: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "icon": icon, "tone": tone, "status": status}


def counted(count: int) -> str:
    """`1,234`, or `10,000+` where counting stopped."""
    most = live.MOST_COUNTED
    return f"{number_text(most)}+" if count > most else number_text(count)
