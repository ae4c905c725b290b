"""Pages of runs: one view a page or part; parts are what the page includes and what HTMX fetches again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from controlplane.domain.action import AnyAction
from controlplane.domain.errors import InvalidInput, NotFound, ProblemError
from controlplane.events.queries import stream
from controlplane.events.sharing.parts import live_part
from controlplane.listing.export.streaming import Stream
from controlplane.ui.htmx import is_partial, toast
from controlplane.ui.request import PortalRequest
from runs import actions
from runs.detail.run_page import TABS, RunPage
from runs.detail.step_panel import StepPanel
from runs.export.document import artifact_file
from runs.forms import ReviewForm, SignalForm
from runs.models import Run, RunQuerySet, StepRun
from runs.queries import LINES_PAGE, LogFilter, log_lines, log_text

PARTS = {"summary", "graph", "timeline", "step", "data", "cost", "events", "artifacts"}
VERBS: dict[str, AnyAction] = {
    "cancellation": actions.cancel_run,
    "pause": actions.pause_run,
    "resumption": actions.resume_run,
}


def visible_runs(request: PortalRequest) -> RunQuerySet:
    return Run.objects.visible_to(request.member).select_related("project", "workflow", "version", "agent")


def find_run(request: PortalRequest, pk: int) -> Run:
    run = visible_runs(request).one_or_none(pk=pk)
    if run is None:
        raise NotFound(f"There is no run {pk} in this project.")
    return run


def find_step(request: PortalRequest, pk: int, step_pk: int) -> StepRun:
    step = StepRun.objects.filter(pk=step_pk, run=find_run(request, pk)).select_related("run__project").first()
    if step is None:
        raise NotFound("There is no such step in this run.")
    return step


@require_GET
def detail(request: PortalRequest, pk: int, tab: str = "steps") -> HttpResponse:
    """The page of one run, on one of its tabs."""
    if tab not in TABS:
        raise NotFound("There is no such page of a run.")
    return render(request, "runs/detail.html", {"page": RunPage(find_run(request, pk), request, tab)})


@require_GET
def part(request: PortalRequest, pk: int, name: str) -> HttpResponse:
    """One part of the page again, named as in PARTS."""
    if name not in PARTS:
        raise NotFound("There is no such part of a run.")
    run = find_run(request, pk)

    def context() -> dict[str, Any]:
        page = RunPage(run, request, name)
        panel = page.chosen if name == "step" else None
        if name == "step" and panel is None:
            raise NotFound("This run has no steps.")
        return {"page": page, "panel": panel, "follows": True}

    return live_part(request, f"runs/_{name}.html", context, position=lambda: str(run.last_seq))


@require_GET
def step(request: PortalRequest, pk: int, step_pk: int) -> HttpResponse:
    """What one step was asked, answered, logged and cost. As a panel beside the timeline, or as a page."""
    found = find_step(request, pk, step_pk)
    template = "runs/_step.html" if is_partial(request) else "runs/step.html"
    return render(request, template, {"panel": StepPanel(found, request), "page": RunPage(found.run, request, "steps")})


@require_GET
def lines(request: PortalRequest, pk: int) -> JsonResponse:
    """Log lines after `after`, for the live tail: {"lines", "next", "done"}."""
    run = find_run(request, pk)
    after = number(request, "after")
    found = log_lines(run.pk, after=after, only=log_filter(request))
    done = run.is_final and len(found) < LINES_PAGE
    return JsonResponse({"lines": found, "next": found[-1]["n"] if found else after, "done": done})


@require_GET
def log_file(request: PortalRequest, pk: int) -> StreamingHttpResponse:
    run = find_run(request, pk)
    pieces = log_text(run.pk, log_filter(request))
    response = StreamingHttpResponse(Stream(pieces), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}.log"'
    return response


def log_filter(request: PortalRequest) -> LogFilter:
    step_pk = number(request, "step") or None
    return LogFilter(request.GET.get("level", ""), request.GET.get("search", ""), step_pk)


def number(request: PortalRequest, name: str) -> int:
    text = request.GET.get(name) or "0"
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInput.field(name, "This must be a number.")
    return int(text)


@require_GET
def events_after(request: PortalRequest, pk: int) -> JsonResponse:
    """The run's stream for pages whose socket cannot open."""
    run = find_run(request, pk)
    rows = stream("run", run.pk, after=number(request, "after"))
    return JsonResponse({"results": [event.as_frame() for event in rows]})


@require_GET
def artifact(request: PortalRequest, pk: int, artifact_pk: int) -> FileResponse:
    """A file that a step made, always as a download."""
    return artifact_file(find_run(request, pk), artifact_pk)


@require_POST
def control(request: PortalRequest, pk: int, verb: str) -> HttpResponse:
    """Cancel, pause or resume."""
    if verb not in VERBS:
        raise NotFound("There is no such control.")
    run = find_run(request, pk)
    action = VERBS[verb]
    reason = {"reason": request.POST.get("reason", "").replace("\x00", "")} if verb != "resumption" else {}
    done = f"{action.label} was asked for."
    response = answered(request, run, lambda: action(run, by=request.member, **reason), done)
    return summary_again(request, pk) if is_partial(request) else response


def summary_again(request: PortalRequest, pk: int) -> HttpResponse:
    """The head of the run's page as it is now, with what there is to say; the rest of the page stays."""
    response = render(request, "runs/_summary.html", {"page": RunPage(find_run(request, pk), request, "summary")})
    for said in messages.get_messages(request):
        toast(response, said.message, {"error": "danger"}.get(said.level_tag, said.level_tag))
    return response


@require_POST
def retry(request: PortalRequest, pk: int) -> HttpResponse:
    run = find_run(request, pk)
    made: list[Run] = []
    response = answered(request, run, lambda: made.append(actions.retry_run(run, by=request.member)), "")
    return go_to(request, made[0], f"Run {made[0].pk} was started with the same inputs.") if made else response


@require_POST
def review(request: PortalRequest, pk: int, step_pk: int) -> HttpResponse:
    """Decide a step whose outcome is unknown."""
    found = find_step(request, pk, step_pk)
    form = ReviewForm(request.POST)
    decision = form.decision() if form.is_valid() else None
    if decision is None:
        raise InvalidInput("; ".join(str(message) for field in form.errors.values() for message in field))
    return answered(
        request,
        found.run,
        lambda: actions.resolve_step(found, by=request.member, **decision),
        "The review is recorded.",
    )


@require_POST
def signal(request: PortalRequest, pk: int, step_pk: int) -> HttpResponse:
    """Send what a step waits for; what is wrong with it is said at its field."""
    found = find_step(request, pk, step_pk)
    form = SignalForm(request.POST)
    if not form.is_valid():
        return step_again(request, StepPanel(found, request, signal_form=form))
    return answered(
        request,
        found.run,
        lambda: actions.send_signal(found, by=request.member, **form.cleaned_data),
        "The signal was sent.",
    )


def step_again(request: PortalRequest, panel: StepPanel) -> HttpResponse:
    template = "runs/_step.html" if is_partial(request) else "runs/step.html"
    return render(request, template, {"panel": panel, "page": RunPage(panel.run, request, "steps")}, status=422)


def answered(request: PortalRequest, run: Run, verb: Any, message: str) -> HttpResponse:
    """Do it; a refusal is said on the page, which shows the state as it is now."""
    try:
        verb()
        if message:
            messages.success(request, message)
    except ProblemError as refusal:
        if not refusal.is_shown_by_its_form:
            raise
        messages.error(request, refusal.detail)
    return redirect(detail_url(request, run))


def go_to(request: PortalRequest, run: Run, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect(detail_url(request, run))


def detail_url(request: PortalRequest, run: Run) -> str:
    return reverse("runs:detail", kwargs={"project": request.project.slug, "pk": run.pk})
