"""What pages of tools and agents show about their calls: fetched by them, because agents know no runs."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.models import Agent, Tool
from controlplane.domain.errors import NotFound
from controlplane.ui.htmx import is_partial
from runs.usage import Range
from runs.usage_charts import UsagePage


@require_GET
def agent_usage(request: HttpRequest, pk: int) -> HttpResponse:
    """Calls, success, latency, tokens and cost since `?since=`, until `?until=`: a part of a page, or a page."""
    return usage_of(request, find(request, Agent, pk))


@require_GET
def tool_usage(request: HttpRequest, pk: int) -> HttpResponse:
    """As `agent_usage`, with who called it."""
    return usage_of(request, find(request, Tool, pk))


def usage_of(request: HttpRequest, subject: Tool | Agent) -> HttpResponse:
    page = UsagePage(subject, Range.of(request.GET, ZoneInfo(subject.project.time_zone)))
    template = "runs/_usage.html" if is_partial(request) else "runs/usage.html"
    return render(request, template, {"page": page})


def find(request: Any, model: Any, pk: int) -> Any:
    rows = model.objects.visible_to(request.member).select_related("project")
    row = rows.filter(pk=pk, project=request.project).first()
    if row is None:
        raise NotFound(f"There is no such {model._meta.model_name}.")
    return row
