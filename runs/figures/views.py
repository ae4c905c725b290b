"""What pages of workflows, tools and agents show about runs: fetched by them, because what is below knows no runs."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.models import Agent, Tool
from controlplane.domain.errors import NotFound
from controlplane.ui.htmx import is_partial
from controlplane.ui.request import PortalRequest
from runs.figures.range import Range, window_name, with_tests
from runs.figures.usage_page import UsagePage
from runs.figures.workflow import DEFAULT_WINDOW, WORKFLOW_WINDOWS
from runs.figures.workflow_page import FiguresPage
from workflows.models import Workflow


@require_GET
def workflow_figures(request: PortalRequest, pk: int) -> HttpResponse:
    """Success, durations and cost over `?window=`: a part of the workflow's page, or a page."""
    workflow = find(request, Workflow, pk)
    window = window_name(request.GET.get("window", ""), WORKFLOW_WINDOWS, DEFAULT_WINDOW)
    page = FiguresPage(workflow, window, with_tests(request.GET))
    template = "runs/_workflow_figures.html" if is_partial(request) else "runs/workflow_figures.html"
    return render(request, template, {"page": page, "workflow": workflow})


@require_GET
def agent_usage(request: PortalRequest, pk: int) -> HttpResponse:
    """Calls, success, latency, tokens and cost since `?since=`, until `?until=`: a part of a page, or a page."""
    return usage_of(request, find(request, Agent, pk))


@require_GET
def tool_usage(request: PortalRequest, pk: int) -> HttpResponse:
    """As `agent_usage`, with who called it."""
    return usage_of(request, find(request, Tool, pk))


def usage_of(request: PortalRequest, subject: Tool | Agent) -> HttpResponse:
    asked = Range.of(request.GET, ZoneInfo(subject.project.time_zone))
    page = UsagePage(subject, asked, with_tests(request.GET))
    template = "runs/_usage.html" if is_partial(request) else "runs/usage.html"
    return render(request, template, {"page": page})


def find(request: Any, model: Any, pk: int) -> Any:
    rows = model.objects.visible_to(request.member).select_related("project")
    row = rows.filter(pk=pk, project=request.project).first()
    if row is None:
        raise NotFound(f"There is no such {model._meta.model_name}, or it is not yours to see.")
    return row
