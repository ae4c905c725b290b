"""What goes on now: live runs and how far they are, steps that are not done, workers. Each read from an index."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from runs.figures.measures import WENT_WRONG
from runs.figures.series import rows_of
from runs.models import RUN_LIVE, WORKERS_KEPT, Run, RunState, StepRun, StepState, Worker

# Beyond this a count says only that it is more.
MOST_COUNTED = 10_000

LIVE = """
SELECT wanted.state, (SELECT count(*) FROM (
    SELECT 1 FROM runs_run WHERE project_id = %(project)s AND state = wanted.state LIMIT %(most)s + 1) AS counted)
FROM unnest(%(states)s::text[]) AS wanted (state)
"""
ATTENTION = """
SELECT state, count(*) FROM (
    SELECT state FROM runs_run WHERE project_id = %(project)s AND attention_since IS NOT NULL LIMIT %(most)s + 1
) AS counted GROUP BY state
"""
LIVE_EVERYWHERE = "SELECT state, count(*) FROM runs_run WHERE state = ANY(%(states)s) GROUP BY state"
QUEUED_EVERYWHERE = """
SELECT count(*), extract(epoch FROM now() - min(queued_at))::float
FROM runs_steprun WHERE state = 'queued' AND NOT held
"""
OLDEST_DUE = " AND NOT held ORDER BY step.due_at"
# The states stand in the text, not in parameters: each has a partial index.
STEPS = " UNION ALL ".join(
    f"""
SELECT '{state}', count(*), min(since) FROM (
    SELECT step.queued_at AS since FROM runs_steprun step JOIN runs_run run ON run.id = step.run_id
    WHERE run.project_id = %(project)s AND step.state = '{state}'{which} LIMIT %(most)s + 1) AS counted
"""  # noqa: S608 - names of this file
    for state, which in (
        (StepState.QUEUED, OLDEST_DUE),
        (StepState.RUNNING, ""),
        (StepState.WAITING, OLDEST_DUE),
        (StepState.RETRYING, OLDEST_DUE),
        (StepState.NEEDS_REVIEW, ""),
    )
)


@dataclass(frozen=True)
class StepCount:
    """How many steps are in a state (at most MOST_COUNTED + 1), and since when the oldest of them is ready."""

    count: int = 0
    oldest: datetime | None = None


@dataclass
class Progress:
    """A live run and how far it is, in steps; `current` names those that are being worked on."""

    run: Run
    done: int = 0
    total: int = 0
    current: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def percent(self) -> int:
        return round(100 * self.share)


def live_counts(project_id: int) -> dict[str, int]:
    """Live run state -> runs in it, each at most MOST_COUNTED + 1."""
    return dict(rows_of(LIVE, project=project_id, states=[str(state) for state in RUN_LIVE], most=MOST_COUNTED))


def attention_counts(project_id: int) -> dict[str, int]:
    """State -> those of its live runs that need attention, together at most MOST_COUNTED + 1; without those of none."""
    return dict(rows_of(ATTENTION, project=project_id, most=MOST_COUNTED))


def step_counts(project_id: int) -> dict[str, StepCount]:
    """Step state -> count, for steps that are queued, running, waiting, retrying or need a review."""
    return {state: StepCount(*rest) for state, *rest in rows_of(STEPS, project=project_id, most=MOST_COUNTED)}


def live_everywhere() -> dict[str, int]:
    """Live run state -> runs in it, in all projects; 0 for those without."""
    return dict.fromkeys(map(str, RUN_LIVE), 0) | dict(rows_of(LIVE_EVERYWHERE, states=list(map(str, RUN_LIVE))))


def queued_everywhere() -> tuple[int, float]:
    """Steps that a worker could take now, in all projects, and for how many seconds the oldest of them could."""
    ((count, seconds),) = rows_of(QUEUED_EVERYWHERE)
    return count, seconds or 0.0


def running_now(rows: QuerySet[Run], limit: int) -> list[Progress]:
    """The newest live runs, those that were started before those that are queued, with their progress.

    Those that need attention do nothing now.
    """
    at_work = [state for state in RUN_LIVE if state != RunState.QUEUED]
    runs = list(rows.filter(state__in=at_work, attention_since=None).order_by("-created_at", "-id")[:limit])
    if len(runs) < limit:
        runs += rows.filter(state=RunState.QUEUED).order_by("-created_at", "-id")[: limit - len(runs)]
    return with_progress(runs)


def with_progress(runs: list[Run]) -> list[Progress]:
    found = {run.pk: Progress(run) for run in runs}
    steps = StepRun.objects.filter(run__in=found, index=None).order_by("run_id", "position")
    for step in steps.only("run_id", "key", "index", "state", "progress", "open_items"):
        add_step(found[step.run_id], step)
    return list(found.values())


def add_step(progress: Progress, step: StepRun) -> None:
    progress.total += 1
    if step.state in {StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED}:
        progress.done += 1
    elif step.state not in {StepState.PENDING, StepState.QUEUED}:
        progress.current.append(f"{step.key}{how_far(step)}")


def how_far(step: StepRun) -> str:
    """` 30 of 200` as the step itself reported it, ` 4 left` for one that goes through items, else nothing."""
    if step.progress and step.progress.get("total"):
        return f" {step.progress['done']:,} of {step.progress['total']:,}"
    return f" {step.open_items:,} left" if step.open_items else ""


def went_wrong(rows: QuerySet[Run], limit: int) -> list[Run]:
    """Runs that failed or timed out, the latest first."""
    return list(rows.filter(state__in=WENT_WRONG).order_by("-ended_at")[:limit])


def known_workers() -> list[Worker]:
    """Those seen within the last hour."""
    return list(Worker.objects.filter(seen_at__gte=timezone.now() - WORKERS_KEPT))
