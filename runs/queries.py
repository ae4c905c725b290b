"""Reads that are wider than one queryset: log lines, the timeline, what a project's engine is doing."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Prefetch, Q, QuerySet

from agents.models import Agent
from controlplane.domain.errors import InvalidInput
from runs.engine.logs import CHUNK_LINES, LEVELS
from runs.engine.sql import run_statement
from runs.models import RUN_LIVE, Attempt, Call, Run, StepRun

LINES_PAGE = 2_000
# The runs of an agent with fewer calls are found by these; with more, a page of the list soon holds enough of them.
MANY_CALLS = 2_000

LINES = """
SELECT chunk.first_line + line.ordinality - 1 AS n, line.value ->> 'at' AS at, line.value ->> 'level' AS level,
       step.key AS step, step.index AS index, chunk.attempt_no AS attempt, line.value ->> 'text' AS text
FROM runs_logchunk chunk
    CROSS JOIN LATERAL jsonb_array_elements(chunk.lines) WITH ORDINALITY AS line
    LEFT JOIN runs_steprun step ON step.run_id = chunk.run_id AND step.id = chunk.step_id
WHERE chunk.run_id = %(run)s AND chunk.first_line > %(after)s - %(chunk)s
  AND chunk.first_line + line.ordinality - 1 > %(after)s
  AND (%(levels)s::text[] IS NULL OR line.value ->> 'level' = ANY(%(levels)s))
  AND (%(search)s::text IS NULL OR line.value ->> 'text' ILIKE %(search)s)
  AND (%(step)s::bigint IS NULL OR chunk.step_id = %(step)s)
ORDER BY n LIMIT %(limit)s
"""


@dataclass(frozen=True)
class LogFilter:
    """Which lines: `level` and above, `search` as plain text in any case, of one step.

    Raises InvalidInput for a level that there is not.
    """

    level: str = ""
    search: str = ""
    step: int | None = None

    def __post_init__(self) -> None:
        if self.level and self.level not in LEVELS:
            raise InvalidInput.field("level", f"Choose one of {', '.join(LEVELS)}.")

    @property
    def levels(self) -> list[str] | None:
        return list(LEVELS[LEVELS.index(self.level) :]) if self.level else None

    @property
    def pattern(self) -> str | None:
        # No line holds a NUL, and PostgreSQL takes none.
        plain = self.search.replace("\x00", "")
        escaped = plain.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return f"%{escaped}%" if plain else None


def log_lines(run_id: int, *, after: int = 0, limit: int = LINES_PAGE, only: LogFilter | None = None) -> list[dict]:
    """Lines with n > after, oldest first: {"n", "at", "level", "step", "index", "attempt", "text"}."""
    only = only or LogFilter()
    parameters = {
        "run": run_id,
        "after": after,
        "chunk": CHUNK_LINES,
        "levels": only.levels,
        "search": only.pattern,
        "step": only.step,
        "limit": limit,
    }
    return run_statement(LINES, parameters)


def log_text(run_id: int, only: LogFilter | None = None) -> Generator[bytes, None, None]:
    """The whole log as text in UTF-8, a page at a time."""
    after = 0
    while lines := log_lines(run_id, after=after, only=only):
        after = lines[-1]["n"]
        yield "".join(
            f"{line['at']} {line['level']:<7} {named(line)}#{line['attempt']} {line['text']}\n" for line in lines
        ).encode()


def named(line: dict[str, Any]) -> str:
    return line["step"] or "" if line["index"] is None else f"{line['step']}[{line['index']}]"


def steps_of(run: Run) -> QuerySet[StepRun]:
    """A run's steps in order, with their attempts, without the large columns."""
    attempts = Prefetch("attempts", queryset=Attempt.objects.filter(run=run).defer("error"))
    in_order = run.steps.order_by("position", F("index").asc(nulls_first=True))
    return in_order.defer("request", "output", "item").prefetch_related(attempts)


def project_of_run(run_id: int) -> int | None:
    """The id of the project a run is in; None when there is no such run."""
    return Run.objects.filter(pk=run_id).values_list("project_id", flat=True).first()


def runs_of_agent(agent: Agent) -> Q:
    """Runs that it was chosen for, was called in, or is pinned by and that have not ended."""
    called = Call.objects.filter(agent=agent).order_by()
    pinned = Q(project=agent.project_id, state__in=RUN_LIVE, pins__agents__has_key=agent.name)
    chosen = Q(agent=agent) | pinned
    few = list(called.values_list("run_id", flat=True)[: MANY_CALLS + 1])
    if len(few) <= MANY_CALLS:
        return Q(pk__in=set(few)) | chosen
    # No run is younger than the end of a call in it. Said of each call, it keeps PostgreSQL from collecting them first.
    in_it = called.filter(run=OuterRef("pk"), ended_at__gte=OuterRef("created_at"))
    # First what is cheap to see: PostgreSQL keeps this order.
    return (Q(created_at__lte=called.aggregate(latest=Max("ended_at"))["latest"]) & Q(Exists(in_it))) | chosen
