"""How a tool or an agent was used over a range: calls, success, latency, tokens and cost, in all and by bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from agents.models import Agent, Tool
from controlplane.domain.errors import InvalidInput
from controlplane.events.models import utc_text
from controlplane.listing.moments import Moment
from runs.statistics import rows_of

DEFAULT_SINCE = "-7d"
LONGEST = timedelta(days=732)
MOST_BUCKETS = 62
MINUTE, HOUR, DAY = 60, 3_600, 86_400
WIDTHS = (5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY)
ORIGIN = datetime(2000, 1, 1)  # noqa: DTZ001 - by the project's clock, as PostgreSQL's date_bin has it
MOST_GROUPS = 20

FIGURES = """
count(*), count(*) FILTER (WHERE outcome = 'succeeded'), count(*) FILTER (WHERE outcome = 'cancelled'),
percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE outcome <> 'cancelled'),
sum(cost_usd)
"""
IN_RANGE = "ended_at >= %(since)s AND ended_at < %(until)s"
BUCKET = "date_bin(make_interval(secs => %(width)s), ended_at AT TIME ZONE %(zone)s, '2000-01-01')"
OVER_TIME = {
    "agent": f"""
SELECT {BUCKET} AS bucket, {FIGURES}, sum(input_tokens), sum(output_tokens)
FROM runs_call WHERE agent_id = %(id)s AND {IN_RANGE} GROUP BY GROUPING SETS ((bucket), ())
""",  # noqa: S608 - names of this file
    "tool": f"""
SELECT {BUCKET} AS bucket, {FIGURES}, 0, 0
FROM runs_call WHERE tool_id = %(id)s AND {IN_RANGE} GROUP BY GROUPING SETS ((bucket), ())
""",  # noqa: S608 - names of this file
}
GROUPED = {
    "workflow": f"""
SELECT workflow.id, workflow.name, used.* FROM (
    SELECT workflow_id, {FIGURES} FROM runs_call WHERE {{column}} = %(id)s AND {IN_RANGE}
    GROUP BY workflow_id ORDER BY count(*) DESC LIMIT %(most)s
) used JOIN workflows_workflow workflow ON workflow.id = used.workflow_id
""",  # noqa: S608 - names of this file
    "agent": f"""
SELECT agent.id, agent.name, used.* FROM (
    SELECT caller_id, {FIGURES} FROM runs_call WHERE {{column}} = %(id)s AND {IN_RANGE} AND caller_id IS NOT NULL
    GROUP BY caller_id ORDER BY count(*) DESC LIMIT %(most)s
) used JOIN agents_agent agent ON agent.id = used.caller_id
""",  # noqa: S608 - names of this file
}
FAILURES = f"""
SELECT outcome, count(*) FROM runs_call
WHERE {{column}} = %(id)s AND {IN_RANGE} AND outcome NOT IN ('succeeded', 'cancelled')
GROUP BY outcome ORDER BY count(*) DESC, outcome LIMIT %(most)s
"""  # noqa: S608 - names of this file


@dataclass(frozen=True)
class Range:
    """From `since` up to, not including, `until`; `asked` is what the address says, for forms and links."""

    since: datetime
    until: datetime
    asked: tuple[str, str]

    @classmethod
    def of(cls, params: Mapping[str, str], zone: tzinfo) -> Range:
        """`since` and `until` as in every list; the last seven days without them. Raises InvalidInput naming one."""
        now = timezone.now()
        asked = params.get("since") or DEFAULT_SINCE, params.get("until") or ""
        since = moment("since", asked[0]).start(zone, now)
        until = moment("until", asked[1]).end(zone, now) if asked[1] else now
        if since >= until:
            raise InvalidInput.field("since", "This must be before the end.")
        if until - since > LONGEST:
            raise InvalidInput.field("since", "Figures cover two years at most.")
        return cls(since, until, asked)

    @property
    def width(self) -> int:
        """Seconds a bucket: the shortest with which there are not too many."""
        seconds = (self.until - self.since).total_seconds()
        return next((width for width in WIDTHS if seconds / width <= MOST_BUCKETS), WIDTHS[-1])

    def buckets(self, zone: tzinfo) -> list[datetime]:
        """Where each begins, by the clock of `zone`, oldest first."""
        size = timedelta(seconds=self.width)
        first, last = (floor(at.astimezone(zone).replace(tzinfo=None), size) for at in (self.since, self.latest))
        return [first + size * number for number in range((last - first) // size + 1)]

    @property
    def latest(self) -> datetime:
        return self.until - timedelta(microseconds=1)


@dataclass(frozen=True)
class Figures:
    """Of some calls. Percentiles and success rate leave out what was cancelled; None where nothing is left."""

    calls: int = 0
    succeeded: int = 0
    cancelled: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    cost_usd: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Figures:
        calls, succeeded, cancelled, percentiles, cost, *tokens = row
        p50, p95, p99 = (None if value is None else round(value) for value in percentiles or (None, None, None))
        read, written = (int(count or 0) for count in tokens or (0, 0))
        return cls(calls, succeeded, cancelled, p50, p95, p99, cost or Decimal(0), read, written)

    @property
    def failed(self) -> int:
        return self.calls - self.succeeded - self.cancelled

    @property
    def success_rate(self) -> float | None:
        """0 to 1."""
        ended = self.calls - self.cancelled
        return self.succeeded / ended if ended else None

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "success_rate": self.success_rate,
            "latency_ms": {"p50": self.p50_ms, "p95": self.p95_ms, "p99": self.p99_ms},
            "cost_usd": f"{self.cost_usd:.6f}",
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }


@dataclass(frozen=True)
class Group:
    """The calls of one workflow, or those that one agent's model made."""

    pk: int
    name: str
    figures: Figures


@dataclass
class Usage:
    """Of one tool or agent; its `project` comes along with it."""

    subject: Tool | Agent
    range: Range

    @property
    def kind(self) -> str:
        return str(self.subject._meta.model_name)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.subject.project.time_zone)

    @cached_property
    def buckets(self) -> list[datetime]:
        return self.range.buckets(self.zone)

    @cached_property
    def found(self) -> dict[datetime | None, Figures]:
        """Start of a bucket -> its figures, None -> those of all. Buckets without calls are missing."""
        rows = rows_of(OVER_TIME[self.kind], **self.parameters, width=self.range.width, zone=str(self.zone))
        return {bucket: Figures.of(tuple(rest)) for bucket, *rest in rows}

    @property
    def total(self) -> Figures:
        return self.found.get(None, Figures())

    @property
    def by_bucket(self) -> list[tuple[datetime, Figures]]:
        return [(bucket, self.found.get(bucket, Figures())) for bucket in self.buckets]

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
        return [
            (kind, count) for kind, count in rows_of(self.of_subject(FAILURES), **self.parameters, most=MOST_GROUPS)
        ]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"id": self.subject.pk, "since": self.range.since, "until": self.range.until}

    def grouped(self, by: str) -> list[Group]:
        rows = rows_of(self.of_subject(GROUPED[by]), **self.parameters, most=MOST_GROUPS)
        groups = [Group(pk, name, Figures.of(tuple(rest))) for pk, name, _, *rest in rows]
        return sorted(groups, key=lambda group: (-group.figures.calls, group.name))

    def of_subject(self, statement: str) -> str:
        return statement.format(column=f"{self.kind}_id")

    def as_json(self) -> dict[str, Any]:
        found = {
            "since": utc_text(self.range.since),
            "until": utc_text(self.range.until),
            "time_zone": str(self.zone),
            "bucket_seconds": self.range.width,
            **self.total.as_json(),
            "failures": dict(self.failures),
            "buckets": [{"start": self.begin(start), **figures.as_json()} for start, figures in self.by_bucket],
            "workflows": [group_json(group) for group in self.by_workflow],
        }
        return found if self.kind == "agent" else found | {"agents": [group_json(group) for group in self.by_agent]}

    def begin(self, start: datetime) -> str:
        return utc_text(start.replace(tzinfo=self.zone).astimezone(UTC))


def group_json(group: Group) -> dict[str, Any]:
    return {"id": group.pk, "name": group.name, **group.figures.as_json()}


def moment(field: str, text: str) -> Moment:
    try:
        return Moment.parse(text)
    except ValueError as error:
        raise InvalidInput.field(field, str(error), "moment") from error


def floor(at: datetime, size: timedelta) -> datetime:
    """Where the bucket of `size` that holds `at` begins, as PostgreSQL's date_bin has it."""
    return ORIGIN + (at - ORIGIN) // size * size
