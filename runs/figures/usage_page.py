"""The usage of a tool or an agent as its page draws it: tiles, charts, tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from agents.models import Agent
from controlplane.listing.declaration.periods import PRESETS, Period
from controlplane.listing.page.parts import Preset
from controlplane.ui.formats import duration_text, money_text, number_text, percent_text
from runs.figures import charts
from runs.figures.measures import CALL_OUTCOMES, Share
from runs.figures.range import TESTS
from runs.figures.usage import Usage
from runs.list.filters import CallFilters
from runs.models import Call, Run

# Beside the figures on the page of a tool or an agent; the page of their own has every usual period.
QUICK = {"-24h": "24 hours", "-7d": "7 days", "-30d": "30 days"}
RUNS_SHOWN = 10
CALLS_READ = 100
TOKENS = (Share("Input", "info", "input_tokens"), Share("Output", "purple", "output_tokens"))
PERCENTILES = (("p50", "info", "p50_ms"), ("p95", "warning", "p95_ms"), ("p99", "danger", "p99_ms"))


class UsagePage(Usage):
    """What the template asks for."""

    @property
    def here(self) -> str:
        return reverse(f"runs:{self.kind}_usage", args=[self.subject.project.slug, self.subject.pk])

    @property
    def subject_url(self) -> str:
        prefix = "" if self.kind == "agent" else "tool_"
        return reverse(f"agents:{prefix}detail", args=[self.subject.project.slug, self.subject.pk])

    @property
    def quick(self) -> list[tuple[str, str, bool]]:
        """(since, label, whether it is shown now)."""
        return [(since, label, self.range.asked == (since, "")) for since, label in QUICK.items()]

    @cached_property
    def filters(self) -> CallFilters:
        asked = QueryDict(mutable=True)
        asked["since"], asked["until"] = self.range.asked
        return CallFilters(asked, Call.objects.none(), project=self.subject.project)

    # What the period control of every list asks for.

    @property
    def period(self) -> Period | None:
        return self.filters.period

    @property
    def presets(self) -> list[Preset]:
        asked = self.range.asked
        return [Preset(label, ends, self.link(ends), ends == asked) for ends, label in PRESETS.items()]

    @property
    def period_ends(self) -> list[dict[str, Any]]:
        return [{"bound": self.filters.form[name]} for name in ("since", "until")]

    @property
    def whole_url(self) -> str:
        """The page of its own, over the same time."""
        return self.link(self.range.asked)

    @property
    def tests_url(self) -> str:
        """The same with test runs, or without them again."""
        return self.link(self.range.asked, tests=not self.tests)

    def link(self, ends: tuple[str, str], *, tests: bool | None = None) -> str:
        asked = {name: text for name, text in zip(("since", "until"), ends, strict=True) if text}
        more = {"tests": TESTS} if (self.tests if tests is None else tests) else {}
        return f"{self.here}?{urlencode(asked | more)}"

    @property
    def title(self) -> str:
        exact = f"{self.local(self.range.since)} to {self.local(self.range.latest)}"
        return PRESETS.get(self.range.asked, exact)

    def local(self, at: Any) -> str:
        return at.astimezone(self.range.zone).strftime("%d %b %Y %H:%M")

    def tiles(self) -> Iterator[dict[str, str]]:
        total, rate = self.total, self.total.success_rate
        yield {"label": "Calls", "value": number_text(total.calls), "note": f"{number_text(total.cancelled)} cancelled"}
        yield {"label": "Success", "value": percent_text(rate), "note": f"{number_text(total.failed)} failed"}
        tail = f"95 % within {duration_text(total.p95_ms)}, 99 % within {duration_text(total.p99_ms)}"
        tail = "nothing ended" if total.p95_ms is None else tail
        yield {"label": "Median latency", "value": duration_text(total.p50_ms), "note": tail}
        each = total.cost_usd / total.calls if total.calls else None
        yield {
            "label": "Cost",
            "value": money_text(total.cost_usd),
            "note": f"{money_text(each)} a call" if each else "nothing was charged",
        }
        if self.kind == "agent":
            tokens = f"{number_text(total.input_tokens)} in, {number_text(total.output_tokens)} out"
            yield {"label": "Tokens", "value": number_text(total.input_tokens + total.output_tokens), "note": tokens}

    @property
    def outcomes(self) -> dict[str, Any]:
        return charts.outcomes(self.calls, CALL_OUTCOMES)

    @property
    def latencies(self) -> dict[str, Any]:
        return charts.durations(self.calls, PERCENTILES)

    @property
    def rates(self) -> dict[str, Any]:
        return charts.success(self.calls)

    @property
    def costs(self) -> dict[str, Any]:
        return charts.costs(self.calls)

    @property
    def tokens(self) -> dict[str, Any]:
        return charts.stacked(self.calls, TOKENS, getattr)

    @property
    def has_tokens(self) -> bool:
        return bool(self.total.input_tokens or self.total.output_tokens)

    @cached_property
    def latest_runs(self) -> list[Run]:
        """Runs of the agent's latest calls, the newest first."""
        if not isinstance(self.subject, Agent):
            return []
        latest = Call.objects.filter(agent=self.subject).order_by("-ended_at").values("run_id")[:CALLS_READ]
        rows = Run.objects.filter(pk__in=latest).select_related("workflow")
        shown = (
            "state",
            "attention_since",
            "created_at",
            "started_at",
            "ended_at",
            "workflow__name",
            "project_id",
            "cost_usd",
        )
        return list(rows.only(*shown).order_by("-created_at", "-id")[:RUNS_SHOWN])
