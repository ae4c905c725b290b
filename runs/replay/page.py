"""The page that prepares a replay: from which step, with which inputs, of which version, and what that means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from controlplane.domain.errors import InvalidInput, ProblemError
from controlplane.listing.declaration.filters import is_id
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest
from runs import actions
from runs.detail.step_graph import REPLAYED, Graph, graph_of_replay
from runs.models import Run
from runs.replay.api import read_inputs
from runs.replay.domain import INVALID, RERUN, REUSE, Replay, likely_start, prepare_replay, replayable_versions
from runs.views import find_run, go_to
from workflows.models import Version


@dataclass
class ReplayPage:
    """What was chosen, or what is likely; `problem` is why it cannot be done so."""

    request: PortalRequest
    run: Run
    step: str
    version: str
    text: str
    problem: ProblemError | None = None

    @cached_property
    def versions(self) -> list[Version]:
        return replayable_versions(self.run)

    @cached_property
    def replay(self) -> Replay:
        """Raises what `prepare_replay` raises."""
        return prepare_replay(self.run, step=self.step, inputs=read_inputs(self.text), version=self.version_no)

    @property
    def version_no(self) -> int | None:
        if self.version and not is_id(self.version):
            raise InvalidInput.field("version", "Choose one of the versions.", "unknown")
        return int(self.version) if self.version else None

    @cached_property
    def keys(self) -> list[str]:
        """The steps to choose from: those of the version chosen, else those of the run."""
        decisions = self.replay.decisions if self.problem is None else []
        return [one.key for one in decisions] or list(self.run.steps.filter(index=None).values_list("key", flat=True))

    @property
    def decisions(self) -> list[dict[str, object]]:
        return [
            {
                "key": one.key,
                "uses": one.step.uses,
                "look": REPLAYED[one.outcome],
                "reason": one.reason,
            }
            for one in self.replay.decisions
        ]

    @property
    def summary(self) -> str:
        """`2 reused, 3 run again, 1 of them although it stands before.`"""
        counts = {kind: sum(one.outcome == kind for one in self.replay.decisions) for kind in (REUSE, RERUN, INVALID)}
        invalid = f", {counts[INVALID]} of them because they cannot be reused" if counts[INVALID] else ""
        return f"{counts[REUSE]} reused, {counts[RERUN] + counts[INVALID]} run again{invalid}."

    @property
    def graph(self) -> Graph | None:
        return graph_of_replay(self.replay)


@require_http_methods(["GET", "POST"])
def replay(request: PortalRequest, pk: int) -> HttpResponse:
    """GET asks; POST with `preview` shows what would be done, without it does it."""
    run = find_run(request, pk)
    actions.replay_run.refuse_person(run, request.member)
    page = page_of(request, run)
    try:
        actions.replay_run.check(run, request.member)
        prepared = page.replay
        if request.method == "GET" or request.POST.get("preview"):
            return render_page(request, page, status=200)
        made = actions.replay_run(
            run, step=page.step, inputs=prepared.inputs, version=page.version_no, by=request.member
        )
    except ProblemError as problem:
        if not problem.is_shown_by_its_form:
            raise
        page.problem = problem
        return render_page(request, page, status=200 if request.method == "GET" else 422)
    return go_to(request, made, f"Run {made.pk} replays run {run.pk} from {made.replayed_from}.")


def render_page(request: PortalRequest, page: ReplayPage, *, status: int) -> HttpResponse:
    template = "runs/_replay_preview.html" if is_partial(request) else "runs/replay.html"
    return render(request, template, {"page": page}, status=status)


def page_of(request: PortalRequest, run: Run) -> ReplayPage:
    sent = request.POST if request.method == "POST" else request.GET
    step = sent.get("step", "").replace("\x00", "") or likely_start(run)
    text = sent.get("inputs", json.dumps(run.inputs, indent=2, ensure_ascii=False))
    return ReplayPage(request, run, step, sent.get("version", ""), text)
