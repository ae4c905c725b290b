"""What the overview shows. Each part is asked for when the template, or the API, wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from controlplane.domain.action import foresee
from controlplane.events.models import Event
from controlplane.events.queries import recent
from controlplane.projects.models import Project
from controlplane.ui.formats import duration_text, number_text, percent_text
from runs import statistics
from runs.actions import retry_run
from runs.figures import Window
from runs.models import Run, StepState, Worker
from runs.workflow_charts import SERIES

SHOWN = 8
QUEUE = (
    ("Queued", StepState.QUEUED),
    ("Running", StepState.RUNNING),
    ("Waiting", StepState.WAITING),
    ("Retrying", StepState.RETRYING),
    ("Needs review", StepState.NEEDS_REVIEW),
)


WINDOWS = {
    "6h": Window("6 hours", 6, 1),
    "24h": Window("24 hours", 24, 1),
    "7d": Window("7 days", 168, 6),
}
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
        shown = ("state", "created_at", "started_at", "ended_at", "workflow__name", "created_by", "project_id")
        return Run.objects.filter(project=self.project).select_related("workflow").only(*shown)

    @cached_property
    def is_empty(self) -> bool:
        return not Run.objects.filter(project=self.project).exists()

    @cached_property
    def buckets(self) -> list[datetime]:
        """Where each bucket begins, by the project's clock, oldest first; the last one has begun and not ended."""
        now = timezone.now().astimezone(ZoneInfo(self.project.time_zone)).replace(tzinfo=None)
        last = now.replace(hour=now.hour - now.hour % self.window.bucket, minute=0, second=0, microsecond=0)
        count = self.window.hours // self.window.bucket
        return [last - timedelta(hours=self.window.bucket * back) for back in reversed(range(count))]

    @property
    def since(self) -> datetime:
        return self.buckets[0].replace(tzinfo=ZoneInfo(self.project.time_zone))

    @cached_property
    def ended(self) -> dict[datetime, dict[str, int]]:
        window = {"since": self.since, "zone": self.project.time_zone, "hours": self.window.bucket}
        return statistics.ended_by_bucket(self.project.pk, **window)

    @cached_property
    def totals(self) -> Counter[str]:
        """Run state -> runs that ended in the window."""
        totals: Counter[str] = Counter()
        for counts in self.ended.values():
            totals.update(counts)
        return totals

    @property
    def failed(self) -> int:
        return sum(self.totals[state] for state in statistics.WENT_WRONG)

    @property
    def success_rate(self) -> float | None:
        return statistics.success_rate(self.totals)

    @cached_property
    def median_ms(self) -> int | None:
        return statistics.median_duration_ms(self.project.pk, since=self.since)

    @cached_property
    def live(self) -> dict[str, int]:
        return statistics.live_counts(self.project.pk)

    @cached_property
    def steps(self) -> dict[str, statistics.StepCount]:
        return statistics.step_counts(self.project.pk)

    @cached_property
    def running(self) -> list[statistics.Progress]:
        return statistics.running_now(self.runs, SHOWN)

    @cached_property
    def failures(self) -> list[Run]:
        rows = Run.objects.filter(project=self.project).select_related("project", "workflow")
        shown = ("state", "ended_at", "error", "project__slug", "workflow__name")
        found = statistics.went_wrong(rows.only(*shown), SHOWN)
        foresee(found, retry_run)
        return found

    @cached_property
    def workers(self) -> list[Worker]:
        return statistics.known_workers()

    @property
    def activity(self) -> list[Event]:
        """What people did and how runs ended."""
        return recent([self.project.pk], limit=SHOWN)

    @property
    def labels(self) -> list[str]:
        form = "%a %H:%M" if self.window.bucket > 1 else "%H:%M"
        return [bucket.strftime(form) for bucket in self.buckets]

    @property
    def throughput(self) -> dict[str, Any]:
        """For a stacked bar chart."""
        series = [{"name": name, "tone": tone, "values": self.values(states)} for name, tone, states in SERIES]
        return {"labels": self.labels, "series": series, "stacked": True}

    @property
    def success(self) -> dict[str, Any]:
        """For a line chart, in percent; a gap where nothing ended."""
        rates = [statistics.success_rate(self.ended.get(bucket, {})) for bucket in self.buckets]
        values = [None if rate is None else round(100 * rate, 1) for rate in rates]
        return {
            "labels": self.labels,
            "series": [{"name": "Success", "tone": "success", "values": values}],
            "unit": "%",
        }

    def values(self, states: tuple[str, ...]) -> list[int]:
        return [sum(self.ended.get(bucket, {}).get(state, 0) for state in states) for bucket in self.buckets]

    def tiles(self) -> Iterator[dict[str, str]]:
        """Label, value, note, icon and tone of each figure at the top; `status` is the run list's filter."""
        live, lately = self.live, f"last {self.window.label}"
        held = live["paused"] + live["waiting_approval"]
        yield tile("Running", counted(live["running"] + live["stopping"]), f"{counted(held)} on hold", "run",
                   "info", "running,stopping")  # fmt: skip
        yield tile("Queued", counted(live["queued"]), "runs not begun yet", "clock", "", "queued")
        yield tile("Failed", counted(self.failed), lately, "circle-x", "danger" if self.failed else "",
                   "failed,timed_out")  # fmt: skip
        rate = self.success_rate
        ended = f"of {number_text(self.totals.total())} ended, {lately}"
        yield tile("Success", "–" if rate is None else percent_text(rate), ended, "circle-check", "success")
        median = self.median_ms
        yield tile("Median duration", "–" if median is None else duration_text(median), lately, "hourglass")

    def queue(self) -> list[tuple[str, str, str, datetime | None]]:
        """State, label, count and since when, of the steps that are not done."""
        found = [(state, label, self.steps.get(state, statistics.StepCount())) for label, state in QUEUE]
        return [(str(state), label, counted(steps.count), steps.oldest) for state, label, steps in found]


def tile(label: str, value: str, note: str, icon: str, tone: str = "", status: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "icon": icon, "tone": tone, "status": status}


def counted(count: int) -> str:
    """`1,234`, or `10,000+` where counting stopped."""
    most = statistics.MOST_COUNTED
    return f"{number_text(most)}+" if count > most else number_text(count)
